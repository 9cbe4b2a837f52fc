"""ArtEq: the pose of each part of a body as a weighted mean of finitely many rotations."""
