"""How well NEWS2 tells who will die, and how many alarms the rules would raise, on recordings of real patients."""
