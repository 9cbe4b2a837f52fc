"""Features of neighbours, weighted and summed: a convolution without a direction."""
