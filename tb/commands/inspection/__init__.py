"""What a model holds: modules, tensors, parameters, distributions."""
