"""Waves read back in Python: a stage's transactions with tensor coordinates."""
