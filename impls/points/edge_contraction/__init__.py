"""Products of both ends of each edge in its frame: all that O(2) allows."""
