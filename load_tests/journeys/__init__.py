"""People's journeys over HTTP and the feed, as the real pages make them; each measures what its person waits for."""
