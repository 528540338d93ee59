"""What belongs to our PE alone: registers, packing of its streams, job records, its steps."""
