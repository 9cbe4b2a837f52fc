"""The Clebsch–Gordan product in mode uvw."""
