"""The bilinear layer of geometric algebra transformers: geometric product and join in G(3,0,1)."""
