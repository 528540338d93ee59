"""The networks that the project ships: one folder each."""
