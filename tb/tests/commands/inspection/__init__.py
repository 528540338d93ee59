"""Tests of `tb.commands.inspection`."""
