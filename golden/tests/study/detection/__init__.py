"""Tests of `golden.study.detection.detections`."""
