"""Divide each irrep by the root mean square of its norms over channels."""
