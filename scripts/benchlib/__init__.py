"""Measures any daemon with our contract from outside: over its files, its HTTP interface, and /proc. Linux only."""
