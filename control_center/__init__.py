"""HTTP, WebSocket and the screens."""
