"""The Clebsch–Gordan product in mode uvu."""
