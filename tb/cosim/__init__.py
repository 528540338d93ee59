"""What runs beside the simulator: driver, sequencer, sequences, scoreboard, results."""
