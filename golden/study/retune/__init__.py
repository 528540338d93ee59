"""Tuning a network to the hardware's leaky slope."""
