"""Pure types, parsers and rules: no I/O, no clock, no channels."""
