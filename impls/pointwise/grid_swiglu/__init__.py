"""A SwiGLU of two mixtures of channels at every point of a grid of the sphere."""
