"""The geometric product of Cl(3,0), without weights."""
