"""Convolution on SL(2) and GL+(2) with a kernel of coordinates of the polar decomposition."""
