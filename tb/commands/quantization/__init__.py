"""From a model to integers: fold, tune, quantise, and single products."""
