"""The layer of Facet: splines of distances, and an MLP on the sphere at each node."""
