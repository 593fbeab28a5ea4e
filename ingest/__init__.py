"""Device message to stored reading to raised alarm."""
