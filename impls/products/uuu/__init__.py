"""The Clebsch–Gordan product in mode uuu."""
