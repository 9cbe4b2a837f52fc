"""The edge-wise block of eSEN: two SO(2) maps in the frame of each edge, and a gate between."""
