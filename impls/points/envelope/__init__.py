"""Envelope: how functions of a distance become zero at a cutoff."""
