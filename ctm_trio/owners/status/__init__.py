"""The status owner: `task.py` runs it, `book.py` says which status each session has."""
