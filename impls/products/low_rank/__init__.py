"""Clebsch-Gordan products cut to a sum of few products of linear forms."""
