"""Tests of `tb`, in the folders of what they test."""
