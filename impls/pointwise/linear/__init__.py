"""The linear maps of a feature that are equivariant."""
