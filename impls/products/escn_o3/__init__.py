"""Convolutions in the frame of the edge that keep inversion."""
