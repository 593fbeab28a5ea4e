"""What can be ordered, in versions, and what it costs whom."""
