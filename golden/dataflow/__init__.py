"""From a network to the PE's jobs: fused layers, tiles, lowering, and the schedule of a frame."""
