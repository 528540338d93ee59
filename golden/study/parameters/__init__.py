"""A model's parameters, layer by layer: shown, coded in 8 bits, written as files."""
