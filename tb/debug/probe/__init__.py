"""The probe in the simulation: what it follows, and the events that it writes."""
