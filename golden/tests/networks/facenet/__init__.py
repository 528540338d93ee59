"""Tests of `golden.networks.facenet`."""
