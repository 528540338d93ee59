"""What runs in the simulator: driver, sequencer, sequences, scoreboard, results."""
