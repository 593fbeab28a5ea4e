"""Simulated people: operators and service workers who use Anban as real ones do, over HTTP and the feed."""
