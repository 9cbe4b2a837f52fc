"""The full Clebsch–Gordan tensor product, each path its own output."""
