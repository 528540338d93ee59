"""YOLOv3-tiny: its graph, its torch model, its integers, its boxes."""
