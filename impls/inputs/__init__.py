"""Atoms and graphs that problems draw their edges from."""
