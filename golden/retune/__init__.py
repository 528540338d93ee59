"""A network trained for one slope of its leaky rectifier, tuned to another."""
