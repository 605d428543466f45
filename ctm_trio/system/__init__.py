"""The outside: tmux, git, SQLite, files. Its errors get our names here."""
