"""Gaunt product and Poisson bracket side by side: a complete product of functions."""
