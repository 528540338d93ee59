"""Boxes: of several networks held against each other, and against the truth."""
