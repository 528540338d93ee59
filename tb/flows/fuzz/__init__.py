"""``make fuzz``: random jobs, the smallest failing one kept."""
