"""Provably powerful graph networks: matrix products of features of pairs of nodes."""
