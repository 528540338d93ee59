"""Simulators and their surroundings: found, compiled with, run, their waves and folders."""
