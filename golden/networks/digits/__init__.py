"""A small network of handwritten digits: the example of how a network is added."""
