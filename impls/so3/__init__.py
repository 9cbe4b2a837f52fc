"""Rotation-group mathematics in float64 NumPy: irreps, Wigner symbols, harmonics, quadrature.

Everything here is in one basis and one set of signs, described in `docs/conventions.md`.
"""
