"""The convolution with solid harmonics of relative positions."""
