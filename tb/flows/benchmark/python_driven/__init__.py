"""Jobs whose every beat Python moves, to compare the HDL players with."""
