"""The owner of conversations: follows Claude Code's transcripts, keeps the index, tells what is new."""
