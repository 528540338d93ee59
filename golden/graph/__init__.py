"""Any network as a list of layers: its table, its floats, its formats, its integers."""
