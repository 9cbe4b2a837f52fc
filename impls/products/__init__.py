"""Tensor products: a folder with operation.py is an operation."""
