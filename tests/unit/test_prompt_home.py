"""Which session a prompt was sent to. Source: PROTOCOL.md, Prompts and keys."""

from __future__ import annotations

from msgspec.structs import replace

from ctm_trio.model.prompt_record import Prompt, belongs, home_of, surely_belongs
from ctm_trio.model.session import Session

RECORD = Session("alpha", "u1", "yolo", "/work", "2026-01-01T10:00:00.5Z")
PROMPT = Prompt("P", "alpha", "text", "K", "idle", 1767261601.0, uuid="u1", made=RECORD.created_at, workdir="/work")
OTHER = "2026-01-01T10:00:03Z"


def test_whose_a_prompt_is() -> None:
    """Its record stays the same through `/clear` and a rename, and however its time is spelt; a new one is another."""
    assert surely_belongs(PROMPT, RECORD)
    assert surely_belongs(PROMPT, replace(RECORD, name="omega", uuid="u2"))
    assert surely_belongs(PROMPT, replace(RECORD, created_at="2026-01-01T10:00:00.500000+00:00"))
    assert not belongs(PROMPT, replace(RECORD, created_at=OTHER)), "also with the same conversation"
    assert not belongs(PROMPT, replace(RECORD, created_at="")), "nobody knows"
    assert not belongs(PROMPT, replace(RECORD, uuid="u2", workdir="/else"))


def test_a_record_without_a_time() -> None:
    """Only the uuid is sure; keys count in doubt, for they keep from typing."""
    record, prompt = replace(RECORD, created_at=""), replace(PROMPT, made="")
    assert surely_belongs(prompt, record)
    assert not surely_belongs(prompt, replace(record, uuid="u2"))
    assert belongs(prompt, replace(record, uuid="u2"))
    assert not surely_belongs(replace(prompt, uuid=""), replace(record, uuid=""))


def test_what_an_older_program_has_kept() -> None:
    """It says less: the uuid must be the same, and the record not be younger."""
    old = replace(PROMPT, made=None, workdir="")
    assert surely_belongs(old, RECORD)
    assert not surely_belongs(old, replace(RECORD, uuid="u2"))
    assert not belongs(old, replace(RECORD, created_at=OTHER))


def test_where_its_session_is() -> None:
    """By the uuid, then by the name; of two that may both be it none is."""
    cleared, twin = replace(RECORD, name="omega", uuid="u2"), replace(RECORD, name="twin", uuid="u3")
    assert home_of(PROMPT, {"alpha": replace(RECORD, created_at=OTHER), "omega": cleared}) == cleared
    assert home_of(PROMPT, {"omega": cleared, "alpha": RECORD}) == RECORD
    assert home_of(PROMPT, {"omega": cleared, "twin": twin}) is None
    assert home_of(PROMPT, {"twin": twin, "alpha": replace(RECORD, uuid="u2")}) == replace(RECORD, uuid="u2")
    assert home_of(PROMPT, {}) is None
