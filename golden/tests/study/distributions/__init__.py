"""Tests of `golden.study.distributions.collect`."""
