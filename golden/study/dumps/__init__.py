"""Tensors of a run on disk: written, read from any memory, compared, judged."""
