"""Other people's ways from MQTT into PostgreSQL, measured as ours is."""
