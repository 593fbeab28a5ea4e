"""How many bytes a reading takes, and how long its questions take, with many of them present."""
