"""Tests of `tb.commands.quantization`."""
