"""From a network to the PE's jobs: stages, tiles, lowering, and the schedule of a frame."""
