"""From real numbers to integers: fraction bits, layers, whole networks."""
