"""An activation in a frame that the feature itself defines."""
