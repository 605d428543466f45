"""Which transcript is read next, and whose entries are told."""

from __future__ import annotations

from ctm_trio.owners.conversations.queue import STEP_FILES, Queue, compare
from ctm_trio.transcripts.finder import FileFacts


def look(
    queue: Queue, files: dict[str, tuple[int, int]], read: dict[str, int] | None = None, *, first: bool = False
) -> list[str]:
    """A look that finds files with a size and a time of change, of which so much is read."""
    facts = {path: FileFacts(size, changed, 1) for path, (size, changed) in files.items()}
    compared = compare(facts, {path: (position, 1) for path, position in (read or {}).items()})
    queue.look(compared, first=first)
    return list(compared.gone)


def test_the_newest_of_before_comes_first() -> None:
    """At the first look what is unread is behind, and nobody is told of it."""
    queue = Queue()
    files = {"old": (9, 100), "new": (9, 300), "mid": (9, 200), "read": (9, 400)}
    assert look(queue, files, {"read": 9}, first=True) == []
    assert (queue.next(), queue.behind, len(queue)) == (["new", "mid", "old"], 3, 3)
    assert queue.followed == {"read"}
    queue.done(["new"], [])
    assert (queue.next(), queue.behind) == (["mid", "old"], 2)
    assert queue.followed == {"read", "new"}


def test_what_was_just_written_comes_before_all() -> None:
    """A file that is followed is read at once; one that is behind only sooner, and still untold."""
    queue = Queue()
    look(queue, {"a": (9, 3), "b": (9, 2), "c": (9, 1), "live": (5, 9)}, {"live": 5}, first=True)
    queue.change("c")
    assert (queue.next(), queue.behind) == (["c", "a", "b"], 3)
    assert "c" not in queue.followed
    queue.change("live")
    queue.change("born")
    assert queue.next() == ["live", "born"]
    assert {"live", "born"} <= queue.followed
    queue.done(["live", "born"], [])
    assert queue.next() == ["c", "a", "b"]


def test_what_is_known() -> None:
    """Whatever is read, waits, or cannot be read; not what has gone."""
    queue = Queue()
    look(queue, {"a": (5, 1), "b": (5, 2)}, {"a": 5}, first=True)
    queue.change("c")
    queue.done([], ["b"])
    assert [path for path in "abcd" if queue.knows(path)] == ["a", "b", "c"]
    queue.drop("a")
    assert not queue.knows("a")


def test_a_look_finds_what_no_event_told() -> None:
    """A file that grew or is new; one that is as it was at the last look is left alone."""
    queue = Queue()
    look(queue, {"a": (5, 1)}, {"a": 5}, first=True)
    look(queue, {"a": (7, 2), "b": (3, 2)}, {"a": 5})
    assert sorted(queue.next()) == ["a", "b"]
    assert (queue.behind, queue.followed) == (0, {"a", "b"})
    queue.done(["a", "b"], [])
    look(queue, {"a": (7, 2), "b": (3, 2)}, {"a": 7, "b": 2})
    assert queue.next() == [], "half a line at the end of b is read when there is more"
    look(queue, {"a": (7, 2), "b": (4, 3)}, {"a": 7, "b": 2})
    assert queue.next() == ["b"]


def test_a_file_that_is_behind_stays_behind() -> None:
    """However often everything is looked at before its turn comes."""
    queue = Queue()
    look(queue, {"a": (9, 2), "b": (9, 1)}, first=True)
    look(queue, {"a": (9, 2), "b": (9, 1)})
    look(queue, {"a": (9, 2), "b": (12, 3)})
    assert (sorted(queue.next()), queue.behind) == (["a", "b"], 2)
    assert queue.followed == set()


def test_what_cannot_be_read_is_tried_at_the_next_look() -> None:
    """Not before, and not for ever."""
    queue = Queue()
    look(queue, {"a": (9, 1)}, first=True)
    queue.done([], ["a"])
    assert (queue.next(), queue.behind) == ([], 0)
    look(queue, {"a": (9, 1)})
    assert (queue.next(), queue.followed) == (["a"], set()), "what was in it before is no news"
    queue.done(["a"], [])
    look(queue, {"a": (9, 1)}, {"a": 9})
    assert queue.next() == []


def test_what_has_gone_is_dropped() -> None:
    """Files that the index knows are named; all others are forgotten too."""
    queue = Queue()
    look(queue, {"a": (9, 1), "b": (9, 2), "c": (9, 3)}, {"a": 9}, first=True)
    queue.change("c")
    assert look(queue, {"b": (9, 2)}, {"a": 9, "z": 4}) == ["a", "z"]
    assert (queue.next(), queue.followed) == (["b"], set())


def test_a_step_has_a_bound() -> None:
    """The others wait for the next."""
    queue = Queue()
    look(queue, {f"f{i:04}": (9, i) for i in range(STEP_FILES + 5)}, first=True)
    first = queue.next()
    assert len(first) == STEP_FILES
    queue.done(first, [])
    assert queue.next() == [f"f{i:04}" for i in (4, 3, 2, 1, 0)]


def test_an_index_that_was_made_anew_is_filled_again() -> None:
    """Every file is read again, what just changed first, and nobody is told of it a second time."""
    queue = Queue()
    look(queue, {"a": (9, 1), "b": (9, 2), "c": (9, 2)}, {"a": 9, "b": 9}, first=True)
    queue.change("b")
    queue.anew()
    assert (queue.next(), queue.behind, queue.followed) == (["b", "c", "a"], 3, set())
    look(queue, {"a": (9, 1), "b": (9, 2), "c": (9, 2)})
    assert (queue.next(), queue.behind) == (["b", "c", "a"], 3)


def test_a_file_of_the_same_size_that_is_another_one() -> None:
    """It is looked at: it may have other lines."""
    queue = Queue()
    queue.look(compare({"a": FileFacts(9, 1, 7)}, {"a": (9, 1)}), first=True)
    assert queue.next() == ["a"]
    queue.done(["a"], [])
    queue.look(compare({"a": FileFacts(9, 1, 7)}, {"a": (9, 7)}), first=False)
    assert queue.next() == []


def test_what_is_hidden_has_not_gone() -> None:
    """Files in a directory that cannot be read now are kept, and are no news when it can be read again."""
    queue = Queue()
    files = {path: FileFacts(9, 1, 1) for path in ("/p/a/x", "/p/a/s/y", "/p/ab/z")}
    read = dict.fromkeys(files, (9, 1))
    queue.look(compare(files, read), first=True)
    hidden = compare({}, read, ["/p/a"])
    assert hidden.gone == ("/p/ab/z",)
    queue.look(hidden, first=False)
    assert queue.followed == {"/p/a/x", "/p/a/s/y"}
    queue.look(compare({path: files[path] for path in ("/p/a/x", "/p/a/s/y")}, read), first=False)
    assert queue.next() == []
