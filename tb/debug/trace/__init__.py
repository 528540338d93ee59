"""Transactions out of a wave file, in tensor coordinates."""
