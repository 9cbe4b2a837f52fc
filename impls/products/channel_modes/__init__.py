"""Clebsch–Gordan products of features with channels of their own, in all modes of channels."""
