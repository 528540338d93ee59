"""``make bench``: how fast the simulation is, measured."""
