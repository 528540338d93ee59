"""Tests of `golden.networks.yolov3_tiny`."""
