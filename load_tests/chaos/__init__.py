"""Faults at random moments while a fleet sends, and the account of what came through."""
