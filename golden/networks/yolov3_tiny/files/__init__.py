"""YOLOv3-tiny's files: fetched, read, shaped for the hardware, saved."""
