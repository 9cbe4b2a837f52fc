"""The weighted symmetric square of a feature with channels."""
