"""Tests of `golden.study.dumps`."""
