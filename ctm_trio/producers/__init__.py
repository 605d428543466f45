"""What Claude Code itself starts: the hook and the status line. They import next to nothing, on purpose."""
