"""Fault localization: the first step whose inputs were right and whose output is wrong."""
