"""HTTP, event streams, WebSocket and the dashboard. Imports messages, channels, errors and model only."""
