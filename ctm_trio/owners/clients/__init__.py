"""The clients owner: `task.py` runs it, `watch.py` waits for a client's end."""
