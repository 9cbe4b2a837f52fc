"""Convolution of three factors: a feature, the harmonics of the edge, and the feature again."""
