"""What people see: one self-contained page, its figures, tables and references, from a run."""
