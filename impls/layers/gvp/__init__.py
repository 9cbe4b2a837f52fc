"""GVP: geometric vector perceptrons as messages along edges and as an update at nodes."""
