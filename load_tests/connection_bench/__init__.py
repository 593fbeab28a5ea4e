"""What thousands of TLS connections cost, and how they come back after the broker's death."""
