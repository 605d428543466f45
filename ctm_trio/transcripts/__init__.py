"""Claude Code's transcripts: where they are, and our index of them. The files stay the truth; the index can be rebuilt.

Source: PROTOCOL.md, Conversations.
"""
