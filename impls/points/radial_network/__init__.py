"""Radial network: weights of an edge as a network has them of its length."""
