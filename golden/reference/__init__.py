"""The right answer: specification, compiled kernels, torch oracle, real numbers."""
