"""Pictures and boxes: read, fitted, drawn, held against each other."""
