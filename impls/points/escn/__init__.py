"""Convolutions on edges in the frame of the edge: SO(2) linear maps, all or parity-keeping."""
