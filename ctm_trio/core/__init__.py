"""Building blocks of a structured-concurrency program: they know nothing of sessions, logs or Claude Code."""
