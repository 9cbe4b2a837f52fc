"""Spherical harmonics of the directions of vectors."""
