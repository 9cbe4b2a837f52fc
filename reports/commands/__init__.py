"""The commands of `python -m reports`, a file each."""
