"""The ESPHome ingestor as `./anban bench peers` runs it."""
