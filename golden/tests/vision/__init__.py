"""Tests of `golden.vision`."""
