"""``make bench``: how fast simulation and reference model are."""
