"""The grade-weighted geometric product of Cl(3,0)."""
