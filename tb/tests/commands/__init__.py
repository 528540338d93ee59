"""Tests of `tb.commands`."""
