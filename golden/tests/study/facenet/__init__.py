"""Tests of `golden.study.facenet`."""
