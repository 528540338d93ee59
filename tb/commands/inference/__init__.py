"""A picture through the network, and which layers of a run are wrong."""
