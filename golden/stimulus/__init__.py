"""Random jobs to test the PE with: one seed, one job."""
