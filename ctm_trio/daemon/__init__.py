"""The process: start, wiring, stop."""
