"""A multilayer perceptron over channels at every point of a grid of the sphere."""
