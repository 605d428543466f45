"""`model.payload`: what is stored of a payload, and how it becomes one again."""

from __future__ import annotations

import pytest

from ctm_trio.model.payload import compose, sessionless, stored_bytes, strip_session


@pytest.mark.parametrize(
    ("payload", "stored", "alone"),
    [
        (b'{"session":"a","tool":"Bash"}', b'"tool":"Bash"}', b'{"tool":"Bash"}'),
        (b'{"session":"a"}', b"}", b"{}"),
        (b'{"name":"a"}', b'{"name":"a"}', b'{"name":"a"}'),
        (b'{"session":"ab"}', b'{"session":"ab"}', b'{"session":"ab"}'),
    ],
)
def test_stored_and_back(payload: bytes, stored: bytes, alone: bytes) -> None:
    """A leading session is left out and put back; what is stored is an object without it too."""
    assert strip_session(payload, "a") == stored
    assert compose("a", stored) == payload
    assert sessionless(stored) == alone


def test_stored_as_text() -> None:
    """Another program may have written the column as text."""
    assert stored_bytes('"tool":"ä"}') == '"tool":"ä"}'.encode()
    assert sessionless('"tool":"ä"}') == '{"tool":"ä"}'.encode()
