"""The sessions owner: `task.py` runs it, `orders.py` says what carries out which order."""
