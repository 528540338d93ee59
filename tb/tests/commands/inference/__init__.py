"""Tests of `tb.commands.inference`."""
