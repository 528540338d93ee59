"""Tests of `golden.arithmetic`."""
