"""The Clebsch–Gordan product in mode uvv."""
