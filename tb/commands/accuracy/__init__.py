"""What a format costs: errors, boxes, mean average precision."""
