"""Where transcripts are, and reading their lines. Source: PROTOCOL.md, Conversations."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from ctm_trio.core.bell import Bell
from ctm_trio.owners.conversations.desk import ConversationsDesk
from ctm_trio.owners.conversations.directories import Directories, moved, really_gone, roots_of
from ctm_trio.owners.conversations.queue import Queue
from ctm_trio.system.tree_watch import TreeWatch
from ctm_trio.transcripts import file_lines
from ctm_trio.transcripts.file_lines import each_line, read_lines
from ctm_trio.transcripts.finder import Scan, scan, with_one_name
from ctm_trio.transcripts.place import Place, place_of, root_of

A, B = "aaaaaaaa-0000-4000-8000-000000000000", "bbbbbbbb-0000-4000-8000-000000000000"


def put(path: Path, data: bytes = b"{}\n") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (f"/p/-a/{A}.jsonl", Place(A)),
        (f"/p/-a/{A.upper()}.jsonl", Place(A)),
        (f"/p/-a/{A}/subagents/agent-a12.jsonl", Place(A, "a12")),
        (f"/p/-a/{A}/subagents/x/agent-ascout-1e.jsonl", Place(A, "ascout-1e")),
        ("/p/-a/agent-a12.jsonl", Place("", "a12")),
        (f"/p/-a/{A}.json", None), (f"/p/-a/{A}.jsonl.bak", None), ("/p/-a/notes.jsonl", None), ("", None),
        (f"/p/-a/{A}/subagents/agent-.jsonl", None), (f"/p/-a/{A}/subagents/agent-a b.jsonl", None),
        (f"/p/-a/{A}/subagents/agent-{'a' * 129}.jsonl", None), (f"/p/-a/{A}/subagents/agent-a.meta.json", None),
    ],
)  # fmt: skip
def test_whose_a_file_is(path: str, place: Place | None) -> None:
    """By its name, and of a sub-agent by the directory above."""
    assert place_of(path) == place


@pytest.mark.parametrize(
    ("path", "root"),
    [
        (f"/h/projects/-a/{A}.jsonl", "/h/projects"),
        (f"/h/data/-a/{A}.jsonl", "/h/data"),
        (f"/h/data/-a/{A}/subagents/agent-a1.jsonl", "/h/data"),
        (f"/h/data/-a/{A}/subagents/x/agent-a1.jsonl", "/h/data"),
        (f"/h/{A}/data/-a/agent-a1.jsonl", f"/h/{A}/data"),
        (f"/h/subagents/data/-a/{A}.jsonl", "/h/subagents/data"),
        (f"/-a/{A}.jsonl", ""), (f"/{A}.jsonl", ""), (f"{A}.jsonl", ""), ("/h/projects/-a/notes.jsonl", ""), ("", ""),
    ],
)  # fmt: skip
def test_where_all_files_are(path: str, root: str) -> None:
    """The directory above the project's, whatever it is called."""
    assert root_of(path) == root


# ---------------------------------------------------------------- finder


def test_everything_is_found(tmp_path: Path) -> None:
    """Main files, sub-agents below, in each configuration directory; nothing else, and a missing one is left out."""
    one, two = tmp_path / "one", tmp_path / "two"
    wanted = {
        put(one / "projects" / "-a" / f"{A}.jsonl", b"12345"),
        put(one / "projects" / "-a" / A / "subagents" / "agent-a1.jsonl"),
        put(two / "projects" / "-b" / f"{B}.jsonl"),
    }
    put(one / "projects" / "-a" / A / "tool-results" / "x.txt")
    put(one / "projects" / "-a" / "notes.jsonl")
    put(one / "history.jsonl")
    put(one / "projects" / "1" / "2" / "3" / "4" / "5" / f"{B}.jsonl")
    (one / "projects" / "-a" / f"{B}.jsonl").mkdir()
    found = scan([str(one), str(two), str(tmp_path / "missing")])
    assert found.files.keys() == wanted
    facts = found.files[str(one / "projects" / "-a" / f"{A}.jsonl")]
    assert (facts.size, facts.inode) == (5, (one / "projects" / "-a" / f"{A}.jsonl").stat().st_ino)
    assert found.problems == {}
    assert str(one / "projects" / "-a") in found.directories
    assert scan([]) == Scan()


def test_links_find_nothing_twice(tmp_path: Path) -> None:
    """A directory that is a link to itself, to its parent, to another project; a file that is a link to another."""
    projects = tmp_path / "projects"
    real = put(projects / "-a" / f"{A}.jsonl")
    (projects / "-0").symlink_to("-0")
    (projects / "-1").symlink_to(projects)
    (projects / "-2").symlink_to(projects / "-a")
    (projects / "-a" / "up").symlink_to("..")
    (projects / "-a" / f"{B}.jsonl").symlink_to(real)
    (projects / "-a" / f"{B[:-1]}1.jsonl").symlink_to("nowhere")
    os.link(real, projects / "-a" / f"{B[:-1]}2.jsonl")
    assert scan([str(tmp_path)]).files.keys() == {real}
    assert scan([str(tmp_path), str(tmp_path)]).files.keys() == {real}
    assert scan([str(tmp_path)]).problems == {}


def test_files_that_have_one_name(tmp_path: Path) -> None:
    """No link, not linked to, and found below a directory without one; one that has gone has no other."""
    projects = tmp_path / "projects"
    plain, first = put(projects / "-a" / f"{A}.jsonl"), put(projects / "-a" / "first.jsonl")
    second, link, gone = (str(projects / "-a" / f"{name}.jsonl") for name in ("second", "link", "gone"))
    os.link(first, second)
    os.symlink(plain, link)
    assert with_one_name([plain, first, second, link, gone]) == {plain, gone}
    (projects / "-b").symlink_to("-a")
    through = str(projects / "-b" / f"{A}.jsonl")
    assert with_one_name([through]) == {through}, "a project may be a link"
    assert with_one_name([through, plain], str(projects)) == {plain}
    assert with_one_name([through], str(projects / "-b")) == {through}


def test_a_home_that_is_a_link(tmp_path: Path) -> None:
    """Its files have one name, however it is reached."""
    real = put(tmp_path / "real" / "projects" / "-a" / f"{A}.jsonl")
    (tmp_path / "link").symlink_to("real")
    assert scan([str(tmp_path / "link")]).files.keys() == {real}


def test_two_files_with_one_uuid(tmp_path: Path) -> None:
    """Both are found: whose lines count is the index's business."""
    wanted = {put(tmp_path / "projects" / name / f"{A}.jsonl") for name in ("-a", "-b")}
    assert scan([str(tmp_path)]).files.keys() == wanted


def test_a_directory_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named with the reason, and hides no other."""
    put(tmp_path / "projects" / "-a" / f"{A}.jsonl")
    other = put(tmp_path / "projects" / "-b" / f"{B}.jsonl")
    closed = str(tmp_path / "projects" / "-a")
    real = os.scandir

    def refusing(path: str) -> object:
        if path == closed:
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)
    found = scan([str(tmp_path)])
    assert set(found.files) == {other}
    assert found.problems == {closed: "Permission denied"}


def test_a_file_that_cannot_be_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its directory is named: it may be read, and not be searched."""
    put(tmp_path / "projects" / "-a" / f"{A}.jsonl")
    closed = str(tmp_path / "projects" / "-a")
    real = os.scandir

    class Entry:
        name, path = "x", f"{closed}/{A}.jsonl"

        def is_symlink(self) -> bool:
            return False

        def is_dir(self) -> bool:
            return False

        def stat(self) -> os.stat_result:
            raise PermissionError(13, "Permission denied", self.path)

    monkeypatch.setattr(os, "scandir", lambda path: nullcontext([Entry()]) if path == closed else real(path))
    found = scan([str(tmp_path)])
    assert found.files == {}
    assert found.problems == {closed: "Permission denied"}


def test_one_directory_alone(tmp_path: Path) -> None:
    """What an event of the watch asks for; one that has gone gives nothing."""
    inside = put(tmp_path / "projects" / "-a" / f"{A}.jsonl")
    put(tmp_path / "projects" / "-b" / f"{B}.jsonl")
    assert scan((), str(tmp_path / "projects" / "-a")).files.keys() == {inside}
    assert scan((), str(tmp_path / "projects" / "-c")) == Scan()


# ---------------------------------------------------------------- lines


def test_only_whole_lines_are_read(tmp_path: Path) -> None:
    """A half one waits; positions are bytes of the file."""
    path = tmp_path / "f"
    path.write_bytes("é\n\nhalf".encode())
    with path.open("rb") as file:
        first = read_lines(file.fileno(), 0)
        assert (list(each_line(first)), first.end, first.more) == ([(0, "é".encode()), (3, b"")], 4, True)
        rest = read_lines(file.fileno(), 4)
        assert (rest.data, rest.end, rest.more, rest.skipped) == (b"", 4, False, False)
        path.write_bytes("é\n\nhalf of it\n".encode())
        assert list(each_line(read_lines(file.fileno(), 4))) == [(4, b"half of it")]


@pytest.mark.parametrize("want", [1, 2, 3, 5, 8, 100])
def test_the_size_of_a_read_does_not_matter(tmp_path: Path, want: int) -> None:
    """Every line comes once, in order, however small the pieces are."""
    wanted = [b"x" * n for n in (0, 1, 7, 0, 30, 2)]
    path = tmp_path / "f"
    path.write_bytes(b"".join(line + b"\n" for line in wanted) + b"half")
    found, position = [], 0
    with path.open("rb") as file:
        while (lines := read_lines(file.fileno(), position, want)).data:
            found += [line for _, line in each_line(lines)]
            position = lines.end
    assert found == wanted


def test_a_line_that_is_too_long_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows it is read; while it has no end, nothing is skipped."""
    monkeypatch.setattr(file_lines, "MAX_LINE_BYTES", 16)
    monkeypatch.setattr(file_lines, "CHUNK_BYTES", 4)
    path = tmp_path / "f"
    path.write_bytes(b"a\n" + b"y" * 100)
    with path.open("rb") as file:
        assert list(each_line(read_lines(file.fileno(), 0, 4))) == [(0, b"a")]
        waiting = read_lines(file.fileno(), 2, 4)
        assert (waiting.data, waiting.skipped, waiting.more) == (b"", False, False)
        path.write_bytes(b"a\n" + b"y" * 100 + b"\nb\n")
        over = read_lines(file.fileno(), 2, 4)
        assert (over.data, over.skipped, over.more, over.end) == (b"", True, True, 103)
        assert list(each_line(read_lines(file.fileno(), over.end, 4))) == [(103, b"b")]


# ---------------------------------------------------------------- what comes while we watch


class SlowWatch:
    """A watch; while it is set, somebody makes the next one of some files."""

    def __init__(self, coming: list[Path]) -> None:
        self.coming = coming
        self.directories: set[str] = set()

    def watch(self, directories: Iterable[str]) -> bool:
        new = set(directories) - self.directories
        if new and self.coming:
            put(self.coming.pop(0))
        self.directories |= new
        return bool(new)


async def test_directories_that_are_made_one_below_the_other(tmp_path: Path) -> None:
    """Each of them is watched and all files are found, though no event tells of what was there before the watch."""
    project = tmp_path / "projects" / "-a"
    files = [
        project / f"{A}.jsonl",
        project / A / "subagents" / "agent-a1.jsonl",
        project / A / "subagents" / "x" / "agent-a2.jsonl",
    ]
    project.mkdir(parents=True)
    desk, watch = SimpleNamespace(queue=Queue(), bell=Bell()), SlowWatch([*files[1:], files[0]])
    directories = Directories(cast(ConversationsDesk, desk), cast(TreeWatch, watch))
    await directories.take_changes(frozenset([str(project)]))
    assert set(desk.queue.next()) == {str(path) for path in files}
    assert watch.directories == {str(path) for path in (project, project / A, files[1].parent, files[2].parent)}


# ---------------------------------------------------------------- roots


def test_a_root_of_another_name(tmp_path: Path) -> None:
    """`projects` is a link: what was deleted there has gone, and it is found again when no client uses it any more."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    gone, left = (elsewhere / "-a" / f"{uuid}.jsonl" for uuid in (A, B))
    put(left)
    home.mkdir()
    (home / "projects").symlink_to(elsewhere)
    roots = roots_of(lambda: [home], [])
    assert roots == [str(elsewhere)]
    assert really_gone([str(gone), str(left)], roots) == [str(gone)]
    assert really_gone([str(gone), str(left)], []) == [str(gone)]
    other = str(tmp_path / "other" / "projects")
    assert roots_of(lambda: [tmp_path / "other"], [str(gone), str(left)]) == [other, str(elsewhere)]
    assert roots_of(lambda: [home], [str(gone), str(left)]) == [str(elsewhere)]


def test_a_project_that_was_deleted(tmp_path: Path) -> None:
    """The whole directory has gone, and with it what was in it, however deep."""
    root = tmp_path / "projects"
    root.mkdir()
    paths = [str(root / "-a" / f"{A}.jsonl"), str(root / "-a" / "b" / f"{B}.jsonl")]
    assert really_gone(paths, [str(root)]) == paths


def test_a_disk_that_is_away(tmp_path: Path) -> None:
    """It has lost nothing."""
    path = str(tmp_path / "projects" / "-a" / f"{A}.jsonl")
    assert really_gone([path], [str(tmp_path / "projects")]) == really_gone([path], []) == []


def test_what_is_away_and_stands_elsewhere(tmp_path: Path) -> None:
    """It was moved; not so what is still there, what has one place alone, and another's sub-agent with the same id."""
    old, new = tmp_path / "old" / "projects", tmp_path / "new" / "projects"
    names = [f"-a/{A}.jsonl", f"-a/{A}/subagents/agent-a1.jsonl", "-a/agent-a2.jsonl"]
    away = [str(old / name) for name in names]
    alone = [str(old / f"-a/{B}.jsonl"), str(old / "-b" / "agent-a2.jsonl"), str(old / "-a" / "notes.jsonl")]
    files = [put(new / name) for name in names]
    assert moved([*away, *alone], files) == away
    put(old / names[0])
    assert moved([*away, *alone], files) == away[1:]
    assert moved(away, []) == []
