"""FaceNet: Inception-ResNet-v1 as a table, in torch, in real numbers and in integers."""
