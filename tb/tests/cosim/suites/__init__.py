"""The cocotb suites of the PE: each runs on both simulators."""
