"""PaiNN: scalars and vectors, with messages along edges and an update at nodes."""
