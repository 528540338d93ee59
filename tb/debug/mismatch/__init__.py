"""Where a job's values are wrong: the first one, the others, their pattern."""
