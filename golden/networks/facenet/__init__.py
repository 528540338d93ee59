"""FaceNet: Inception-ResNet-v1 as a table, in real numbers and in integers."""
