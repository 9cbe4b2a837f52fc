"""The Clebsch–Gordan product in mode uvuv."""
