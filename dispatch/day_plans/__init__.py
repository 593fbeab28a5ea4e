"""A district's day planned as a whole: its orders and workers as a problem, and a plan as promises."""
