"""``make fuzz``: random jobs, and the smallest that still fails."""
