"""Equivariant layers: a folder with operation.py is an operation."""
