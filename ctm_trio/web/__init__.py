"""HTTP, event streams, WebSocket and the dashboard. Sees the daemon only through `web.ends`."""
