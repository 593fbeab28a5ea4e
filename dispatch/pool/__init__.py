"""The provider pool: who is admitted, whom they send, what these may do, and what happens when that ends."""
