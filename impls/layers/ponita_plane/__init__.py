"""PONITA in the plane: positions and angles, at equidistant orientations of the circle."""
