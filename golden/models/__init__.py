"""Model files: fetched, read, folded, shaped for the hardware, and written again."""
