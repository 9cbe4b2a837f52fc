"""EqMotion: trajectories as channels of vectors, moved by learned kinds of interaction."""
