"""The quota owner: `task.py` runs it, `book.py` has the figures."""
