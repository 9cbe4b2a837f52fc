"""Layers of order 2 on the ego nets of a graph: subgraph permutation equivariant networks."""
