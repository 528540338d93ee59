"""Tests of `tb.toolchain.simulators`."""
