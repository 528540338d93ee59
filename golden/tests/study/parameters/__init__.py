"""Tests of `golden.study.parameters`."""
