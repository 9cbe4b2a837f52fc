"""Products of scalars and vectors."""
