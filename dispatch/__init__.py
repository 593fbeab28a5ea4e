"""Alarms and orders, to the people who answer them."""
