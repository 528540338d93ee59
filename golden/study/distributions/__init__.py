"""How weights and activations are distributed, and what rounding costs them."""
