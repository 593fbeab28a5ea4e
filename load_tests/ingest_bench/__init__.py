"""How many messages a second the platform carries, how fast they are stored and shown, and what each costs."""
