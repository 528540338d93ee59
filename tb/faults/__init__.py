"""Realistic bugs of the RTL as data, and what puts a fault into a run on purpose."""
