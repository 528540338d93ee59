"""Jobs to test the PE with: random ones, and directed vectors worked out by hand."""
