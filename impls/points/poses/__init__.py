"""Poses between two clouds, proposed by one match, by three, or by all together."""
