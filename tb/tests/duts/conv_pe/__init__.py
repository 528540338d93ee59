"""Tests of `tb.duts.conv_pe`."""
