"""S-GCN: a convolution with the harmonics of edges in frames of their receivers."""
