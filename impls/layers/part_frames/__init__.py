"""Frames of rigid parts: principal axes with signs, as poses."""
