"""Names of sessions that are made of directories."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm_trio.model.session import Session, is_name
from ctm_trio.model.session_names import base_name, name_of, new_name
from ctm_trio.system.session_place import sessions_at


@pytest.mark.parametrize(
    ("directory", "name"),
    [("api", "api"), ("My proj (2)", "My-proj-2"), ("", "session"), ("_x_", "x"), ("v1.2", "v1-2")],
)
def test_plain_names(directory: str, name: str) -> None:
    """Of a directory's ASCII letters nothing is lost but what a name may not have."""
    assert name_of(directory) == name


def test_other_scripts_have_names_of_their_own() -> None:
    """Different names stay different, the same one is the same, however it is composed."""
    names = [name_of(directory) for directory in ("日本語", "한국어", "日本", "проект", "()", "...", "mein-日本")]
    assert len(set(names)) == len(names)
    assert names[0].startswith("session-")
    assert names[-1].startswith("mein-")
    assert name_of("grüße") == name_of(unicodedata.normalize("NFD", "grüße"))


@given(st.text(max_size=300))
def test_any_directory_makes_a_name(directory: str) -> None:
    """Whatever it is called, also with a number behind it."""
    name = name_of(directory)
    assert is_name(name)
    assert len(f"{name}-9") <= 66
    assert is_name(name_of("\udcff" + directory))


def test_a_new_name() -> None:
    """Free; taken here; taken elsewhere; taken elsewhere while one works here; with numbers that are taken too."""
    taken = {"api", "api-2", "a_b"}

    def spelled(name: str) -> str:
        return name.replace(".", "_")

    assert new_name("web", [], taken, spelled) == "web"
    mine = Session("api")
    assert new_name("api", [Session("x"), mine], taken, spelled) is mine
    assert new_name("api", [], taken, spelled) == "api-3"
    assert new_name("a.b", [], taken, spelled) == "a.b-2"
    assert new_name("api", [Session("x")], taken, spelled) == Session("x")
    assert len(str(new_name("y" * 64, [], {"y" * 64}, spelled))) <= 64
    assert base_name("v1.2") == "v1.2"
    assert base_name("a b") == "a-b"


def test_the_sessions_of_a_directory(tmp_path: Path) -> None:
    """By its real path: through links, with one that is gone; never a directory of the same name elsewhere."""
    for name in ("one/api", "two/api"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to("two")
    sessions = [
        Session("a", workdir=str(tmp_path / "one" / "api")),
        Session("b", workdir=str(tmp_path / "link" / "api")),
        Session("c", workdir=str(tmp_path / "gone" / "api")),
        Session("d"),
    ]
    assert [one.name for one in sessions_at(sessions, str(tmp_path / "two" / "api"))] == ["b"]
    assert [one.name for one in sessions_at(sessions, str(tmp_path / "gone" / "api"))] == ["c"]
    assert sessions_at(sessions, str(tmp_path / "three" / "api")) == []
