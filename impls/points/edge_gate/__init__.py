"""A linear map and a gate in the frame of each edge, for both parities."""
