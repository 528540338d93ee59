"""The networks as the bench runs them: how each is made, and what its outputs mean."""
