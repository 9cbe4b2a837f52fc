"""Lifts of an image to the sphere that keep its turns: all of them, some, or none."""
