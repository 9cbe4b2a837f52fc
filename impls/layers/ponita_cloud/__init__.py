"""PONITA on a cloud whose orientations are the directions between its points: no grid."""
