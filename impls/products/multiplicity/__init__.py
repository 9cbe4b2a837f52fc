"""Clebsch–Gordan products of features with channels of their own: what their modes share."""
