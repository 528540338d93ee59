"""Tests of `golden`, in the folders of what they test."""
