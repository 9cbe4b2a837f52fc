"""Graph attention of EquiformerV2: SO(2) maps of edges, an activation on a grid, a softmax."""
