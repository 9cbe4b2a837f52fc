"""EGNN: invariants and positions, moved by each other along the edges."""
