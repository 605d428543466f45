"""What is read back from disk, in threads: history, details, search, sub-agents, costs, usage."""
