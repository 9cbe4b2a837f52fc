"""Invariant graph networks of order 2: all linear maps of pairs of nodes, bare and as a layer."""
