"""Tests of `tb.commands.accuracy`."""
