"""Tests of `golden.networks.digits`."""
