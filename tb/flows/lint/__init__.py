"""``make lint``: Python's linters and three readers of Verilog."""
