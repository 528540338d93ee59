"""Tests of `golden.study.errors.layer_errors`."""
