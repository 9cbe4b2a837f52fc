"""Averages over frames of each part of a cloud, as a partition gives the parts."""
