"""Bessel basis: waves in a ball, as functions of a distance."""
