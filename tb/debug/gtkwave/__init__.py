"""What GTKWave opens: signals in groups along the data flow, names for numbers."""
