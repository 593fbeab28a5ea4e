"""The ways out of the house: each transport hands one message over and says what became of it."""
