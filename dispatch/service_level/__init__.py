"""What is promised of a visit, whether it will be kept, and what follows when it was not."""
