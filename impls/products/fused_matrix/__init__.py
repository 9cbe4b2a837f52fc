"""The parity-split matrix product: four matrix products, each with its own output."""
