"""EGAT: attention over bonds and distances that moves positions; as released, and without space."""
