"""An activation applied to a function on the sphere, point by point."""
