"""Files of named tensors, and a network's numbers out of a state dict."""
