"""The scripted story behind the demo's check, and load."""
