"""The Clebsch–Gordan product in mode uuw."""
