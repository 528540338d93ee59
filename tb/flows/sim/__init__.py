"""``make sim``: a network on the RTL, every value compared."""
