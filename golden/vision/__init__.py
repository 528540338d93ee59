"""Pictures and boxes: reading, fitting, drawing, comparison of boxes, sets of pictures."""
