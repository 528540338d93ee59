"""The designs that the bench can drive: one folder each."""
