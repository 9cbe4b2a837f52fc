"""The product of two mixtures of channels on the sphere, times a gate of scalars."""
