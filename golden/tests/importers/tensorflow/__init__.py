"""Tests of `golden.importers.tensorflow`."""
