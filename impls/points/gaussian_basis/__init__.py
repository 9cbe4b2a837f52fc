"""Gaussian basis: bells along a distance."""
