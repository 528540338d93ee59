"""The quantisation study: what each number format does to a network, measured."""
