"""Families of problems: what is put in."""
