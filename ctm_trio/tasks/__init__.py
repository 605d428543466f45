"""The owners: one task a file, each the only writer of its facts."""
