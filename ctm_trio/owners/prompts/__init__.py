"""The prompts owner: `task.py` runs it, `sending.py` types, `held.py` waits for turns to end, `receipts.py` hears."""
