"""The event log: ids, commits, the tail that everybody follows, and how it is read back."""
