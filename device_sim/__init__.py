"""Elders, homes, devices and people at work that behave like real ones; recordings played back."""
