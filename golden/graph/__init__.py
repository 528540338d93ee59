"""A network as a graph of nodes: its integer layers, and its convolutions in real numbers."""
