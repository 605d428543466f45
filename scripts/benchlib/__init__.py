"""Measures any daemon that speaks our protocol, from outside: by its files, its HTTP interface, and /proc on Linux."""
