"""The power of a feature by nested couplings, with intermediates cut at a degree."""
