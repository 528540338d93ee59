"""What a number format or noise costs, layer by layer."""
