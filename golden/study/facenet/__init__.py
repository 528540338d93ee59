"""What the integers cost FaceNet."""
