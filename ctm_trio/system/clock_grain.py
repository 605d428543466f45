"""How coarse the times of files are."""

CLOCK_GRAIN_NS = 50_000_000
"""A file or directory that changed within this of a look may change again without its time of change showing it."""
