"""Radial spline: the same weights, from a table of the network at few lengths."""
