"""Scale each irrep by a function of its norm."""
