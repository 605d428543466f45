"""`logs`: rotated parts, filters, and following through a rotation."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import pytest

from ctm_trio.__main__ import main
from ctm_trio.cli import common, log_calls
from ctm_trio.cli import logs as command
from ctm_trio.cli.logs_follow import Following, Tail
from ctm_trio.ingest import log_files
from ctm_trio.model.times import format_time
from ctm_trio.producers.rotate import rotate

NOW = time.time()


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A HOME with two sessions; `alpha` goes on in a second log after /clear."""
    monkeypatch.setenv("HOME", str(tmp_path))
    root = tmp_path / ".config" / "ctm"
    (root / "logs").mkdir(parents=True)
    table = {name: {"name": name, "uuid": f"u-{name}", "mode": "safe", "workdir": "/"} for name in ("alpha", "beta")}
    (root / "sessions.json").write_text(json.dumps({"schema_version": 1, "sessions": table}))
    return root / "logs"


def line(n: int, tool: str = "Bash", ago_s: float = 0.0, **more: object) -> bytes:
    """A tool call whose command is its number; the higher the number the later."""
    stamp = format_time(NOW - ago_s + n / 1000)
    call = {"tool_name": tool, "tool_input": {"command": f"n{n}"}, "hook_event_name": "PostToolUse", **more}
    return json.dumps({**call, "ctm_timestamp": stamp}).encode() + b"\n"


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """The inputs that `logs` shows, in order."""
    assert main(["logs", "--json", *words]) == 0
    return [json.loads(text)["input"] for text in capsys.readouterr().out.splitlines()]


@pytest.fixture
def filled(logs: Path) -> Path:
    """alpha: a packed part, a plain one, the current file with half a line, another log; beta: one line between."""
    (logs / "u-alpha.jsonl.1700000000000000001.gz").write_bytes(gzip.compress(line(1) + line(2, "Other")))
    (logs / "u-alpha.jsonl.1700000000000000002").write_bytes(line(3) + b"no json\n")
    (logs / "u-alpha.jsonl").write_bytes(line(4) + line(6, is_error=True) + b'{"tool_name": "ha')
    (logs / "u-new.jsonl").write_bytes(line(7, ctm_session="alpha"))
    (logs / "u-beta.jsonl").write_bytes(line(5))
    return logs


def test_nothing_to_show_is_said(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A session that has called no tool yet, and filters that let nothing through; stdout stays empty."""
    (logs / "u-alpha.jsonl").touch()
    assert main(["logs", "alpha"]) == 0
    assert capsys.readouterr() == ("", "No calls yet.\n")
    (logs / "u-alpha.jsonl").write_bytes(line(1))
    assert main(["logs", "alpha", "--tool", "Read"]) == 0
    assert capsys.readouterr() == ("", "No call matches.\n")


def test_what_others_rotated_and_copied(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Numbered files of `logrotate` count, oldest first; copies of any name do not, and a name alone is not a log."""
    (logs / "u-alpha.jsonl.2.gz").write_bytes(gzip.compress(line(1)))
    (logs / "u-alpha.jsonl.1").write_bytes(line(2))
    (logs / "u-alpha.jsonl").write_bytes(line(3) + line(4))
    (logs / "u-alpha.jsonl.1700000000000000005").write_bytes(line(3))
    (logs / "u-alpha.jsonl.bak").write_bytes(line(3))
    (logs / "u-alpha.jsonl-20261125.gz").write_bytes(gzip.compress(line(3)))
    (logs / "u-other.jsonl.bak").write_bytes(line(9))
    assert shown(capsys) == ["n1", "n2", "n3", "n4"]
    assert shown(capsys, "-n", "3") == ["n2", "n3", "n4"]


def test_hooks_fired_twice(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A call that two hooks wrote is shown once, also while following."""
    path = logs / "u-alpha.jsonl"
    path.write_bytes(2 * line(1, tool_use_id="a") + 2 * line(2) + 2 * line(3, tool_use_id="b"))
    assert shown(capsys) == ["n1", "n2", "n2", "n3"]
    tail = Tail(path, "u-alpha", 0, 0)
    assert len(tail.more()) == 4
    with path.open("ab") as file:
        file.write(line(3, tool_use_id="b") + line(4, tool_use_id="c"))
    assert len(tail.more()) == 1
    tail.close()


def test_all_parts_in_order(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Packed, plain and current files of all logs, merged by time; a session has the logs that say they are its own."""
    assert [text.split('"')[3] if "{" in text else text for text in shown(capsys)] == [f"n{n}" for n in range(1, 8)]
    assert shown(capsys, "--tool", "Bash") == ["n1", "n3", "n4", "n5", "n6", "n7"]
    assert shown(capsys, "alpha", "--tool", "Bash") == ["n1", "n3", "n4", "n6", "n7"]
    assert shown(capsys, "beta") == ["n5"]
    assert shown(capsys, "u-ne") == ["n7"]
    assert shown(capsys, "uuid:u-ne") == ["n7"]


def test_limits_and_filters(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last N over all files; a pattern over the whole line; a time, before which nothing is shown."""
    assert shown(capsys, "-n", "2") == ["n6", "n7"]
    assert shown(capsys, "alpha", "-n", "4", "--tool", "Bash") == ["n3", "n4", "n6", "n7"]
    assert shown(capsys, "-n", "0", "--grep", "N[35]\\b") == ["n3", "n5"]
    (filled / "u-old.jsonl").write_bytes(line(8, ago_s=7200) + line(9))
    assert shown(capsys, "u-old", "--since", "1h") == ["n9"]
    assert shown(capsys, "u-old", "--since", "2001-01-01") == ["n8", "n9"]


def test_raw_is_the_line_as_it_is(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--raw prints the bytes of the log."""
    assert main(["logs", "beta", "--raw"]) == 0
    assert capsys.readouterr().out.encode() == (filled / "u-beta.jsonl").read_bytes()


def test_nothing_in_a_log_controls_the_terminal(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters in a command or an answer are shown as `?`."""
    (logs / "u-beta.jsonl").write_bytes(line(1, tool_response={"stdout": "\x1b]0;evil\x07"}))
    assert main(["logs", "beta"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "?]0;evil?" in out


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "UTC"])
def test_times_at_the_ends_of_the_calendar(
    logs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], zone: str
) -> None:
    """A line whose time this machine's clock cannot show is shown without it."""
    stamps = ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00")
    lines = [line(n) for n in range(len(stamps))]
    (logs / "u-beta.jsonl").write_bytes(
        b"".join(
            json.dumps(json.loads(data) | {"ctm_timestamp": at}).encode() + b"\n"
            for data, at in zip(lines, stamps, strict=True)
        )
    )
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert main(["logs", "beta"]) == 0
    finally:
        monkeypatch.undo()
        time.tzset()
    assert {text.split()[-1] for text in capsys.readouterr().out.splitlines()} == {"n0", "n1", "n2"}


@pytest.mark.parametrize(
    "words",
    [["--since", "soon"], ["--grep", "("], ["--grep", "a{99999999999}"], ["--grep", "(" * 9999], ["-n", "x"],
     ["-n", "-5"], ["-n", "9" * 30]],
)  # fmt: skip
def test_bad_options(logs: Path, words: list[str]) -> None:
    """What is no time, no pattern or no number is exit code 2."""
    with pytest.raises(SystemExit) as ended:
        main(["logs", *words])
    assert ended.value.code == common.USAGE


def test_an_unknown_session_is_exit_code_3(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a session nor the beginning of a log's name."""
    assert main(["logs", "gamma"]) == common.NOT_FOUND
    assert "gamma" in capsys.readouterr().err


def test_following_survives_rotation_and_truncation(logs: Path) -> None:
    """What is appended before and after a rotation is seen once each; a file that begins anew is read from there."""
    path = logs / "u-beta.jsonl"
    path.write_bytes(line(1))
    tail = Tail(path, "u-beta", path.stat().st_ino, path.stat().st_size)

    def new() -> list[str]:
        return [json.loads(b"{" + seen.call.tail)["input"] for seen in tail.more()]

    def add(data: bytes) -> None:
        with path.open("ab") as file:
            file.write(data)

    assert new() == []
    add(line(2) + b'{"tool_name":"half",')
    assert new() == ["n2"]
    add(b'"tool_input":{"command":"whole"},"ctm_timestamp":"2026-01-01T00:00:00Z"}\n')
    add(line(3))
    path.rename(logs / "u-beta.jsonl.1700000000000000077")
    path.write_bytes(line(4))
    assert new() == ['{"command":"whole"}', "n3", "n4"]
    rotate(str(path), max_bytes=1, max_age_days=30, max_files=10)
    add(line(5))
    assert new() == ["n5"]
    path.write_bytes(b"")
    assert new() == []
    add(line(6))
    assert new() == ["n6"]
    path.unlink()
    assert new() == []
    assert not tail.is_open


def test_the_rest_of_a_file_that_is_packed_at_once(logs: Path) -> None:
    """Written, rotated and packed between two looks, also before the first one: nothing of it is left out."""
    path = logs / "u-beta.jsonl"
    path.write_bytes(line(1))
    following = Following(logs, {"u-beta": log_calls.size_of(path)})

    def new() -> list[str]:
        return [json.loads(b"{" + seen.call.tail)["input"] for seen in following.more(["u-beta"])]

    for number in (2, 4):
        with path.open("ab") as file:
            file.write(line(number))
        rotate(str(path), max_bytes=1, max_age_days=30, max_files=10)
        assert not [name for name in logs.glob("u-beta.jsonl.*") if name.suffix not in (".gz", ".lock")]
        with path.open("ab") as file:
            file.write(line(number + 1))
        assert new() == [f"n{number}", f"n{number + 1}"]
    following.close()


def test_only_so_many_files_stay_open(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that were read last; the others are followed all the same."""
    monkeypatch.setattr("ctm_trio.cli.logs_follow.KEEP_OPEN", 2)
    names = [f"u-{number}" for number in range(5)]
    for name in names:
        (logs / f"{name}.jsonl").write_bytes(line(1))
    following = Following(logs, {name: log_calls.size_of(logs / f"{name}.jsonl") for name in names})
    for round_ in (2, 3):
        for name in names:
            with (logs / f"{name}.jsonl").open("ab") as file:
                file.write(line(round_))
        assert [seen.log for seen in following.more(names)] == names
        assert sum(tail.is_open for tail in following._tails.values()) == 2
    following.close()


def test_a_first_line_is_read_once(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a session is followed the logs that sessions.json does not know are not opened again at each look."""
    opened: list[str] = []
    real = log_files.open_log_file

    def noted(path: Path) -> int:
        opened.append(path.name)
        return real(path)

    monkeypatch.setattr("ctm_trio.cli.logs.open_log_file", noted)
    paths, firsts = common.find_paths(), dict[str, tuple[int, str]]()
    for _ in range(3):
        assert command.choose(paths, "alpha", {"u-alpha": "alpha", "u-beta": "beta"}, firsts) == ["u-alpha", "u-new"]
    assert opened == ["u-new.jsonl"]
    (filled / "u-new.jsonl").rename(filled / "u-new.jsonl.1700000000000000009")
    (filled / "u-new.jsonl").write_bytes(line(8, ctm_session="beta"))
    assert command.choose(paths, "alpha", {"u-alpha": "alpha", "u-beta": "beta"}, firsts) == ["u-alpha"]
