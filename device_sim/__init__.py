"""Elders, homes and devices that behave like real ones; replay of recordings. Knows only what a device knows."""
