"""Waves of a simulation: which cycles, how large, and laid out for GTKWave."""
