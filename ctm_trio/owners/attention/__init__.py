"""The attention owner: `task.py` runs it, `book.py` says which state each session is in."""
