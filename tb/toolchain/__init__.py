"""Simulators and their surroundings: found, compiled with, run, their waves and folders."""

from golden.moved import missing_name


def __getattr__(name: str) -> object:
    raise missing_name(__name__, name)
