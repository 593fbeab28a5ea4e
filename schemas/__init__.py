"""What every process agrees on: topics, messages, states, events, settings, the database. Imports nothing of ours."""
