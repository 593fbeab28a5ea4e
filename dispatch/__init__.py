"""Alarms, and later orders, to the people who answer them."""
