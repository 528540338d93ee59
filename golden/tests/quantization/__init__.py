"""Tests of `golden.quantization`."""
