"""Scale each irrep by the sigmoid of an invariant."""
