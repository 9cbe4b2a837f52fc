"""Changes of basis that the adapters of one library share."""
