"""What a transcript says, line by line: pure parsers, one file for each kind of line.

`lines.read_line` is the way in. Source: PROTOCOL.md, Conversations.
"""
