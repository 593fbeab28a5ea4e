"""The story behind `./anban demo --check`, one file a chapter."""
