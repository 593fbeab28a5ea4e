"""Alarms followed to their end by two engines that are killed again and again, and the account of it afterwards."""
