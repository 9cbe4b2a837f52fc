"""The layer of Allegro: features of edges, multiplied with what surrounds the node they share."""
