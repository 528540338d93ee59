"""One folder a make target: sim, fuzz, bench, synth-check, lint."""
