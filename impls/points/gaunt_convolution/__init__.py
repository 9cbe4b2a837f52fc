"""The Gaunt product of features with a function of the direction of edges, summed over edges."""
