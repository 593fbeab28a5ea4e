"""Routes with visits that depend on each other across workers: exact times, and a search over them."""
