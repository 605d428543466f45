"""Which pages may talk to us, and which Host names are ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctm_trio.system import origins
from ctm_trio.system.origins import AllowedOrigins, parse_origins
from ctm_trio.web.origin import Gate, host_of


def test_parse() -> None:
    """Comments and blanks are left out; case and a last slash do not matter."""
    lines = ["# mine", "", "  https://Three.example/ ", "#https://five.example", "http://two.example:8080"]
    assert parse_origins(lines) == {"https://three.example", "http://two.example:8080"}


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://box.example", "box.example"), ("https://box.example:443", "box.example"),
        ("http://box.example:443", "box.example:443"), ("http://lan.example:8080", "lan.example:8080"),
        ("nonsense", ""), ("http://x:99999999", ""),
    ],
)  # fmt: skip
def test_host_of_an_origin(origin: str, host: str) -> None:
    """The Host of an origin has a port only where the scheme's own is not meant."""
    assert host_of(origin) == host


def test_gate() -> None:
    """Our own names with our own port, the added ones, and nothing that only looks like them."""
    added = frozenset({"https://box.example", "http://lan.example:8080"})
    gate = Gate(1234, lambda: added)
    for origin in ("http://127.0.0.1:1234", "http://localhost:1234", *added):
        assert gate.origin_ok(origin)
    for origin in (
        "",
        "null",
        "http://127.0.0.1",
        "https://127.0.0.1:1234",
        "http://127.0.0.1:1234/",
        "http://box.example",
    ):
        assert not gate.origin_ok(origin)
    for host in ("127.0.0.1:1234", "LOCALHOST:1234", "[::1]:1234", "box.example", "lan.example:8080"):
        assert gate.host_ok(host)
    for host in ("", "127.0.0.1", "localhost:1", "127.0.0.1.evil.example:1234", "lan.example", "box.example:1234"):
        assert not gate.host_ok(host)


def test_file_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit of the file counts without a restart, its end too; the environment always counts."""
    monkeypatch.setattr(origins, "LOOK_EVERY_S", 0.0)
    path = tmp_path / "allowed_origins"
    allowed = AllowedOrigins(path, "https://one.example, ,")
    assert allowed() == {"https://one.example"}
    path.write_text("https://two.example\n")
    assert allowed() == {"https://one.example", "https://two.example"}
    assert allowed() is allowed()
    path.write_bytes(b"\xff\xfe\n" + b"https://three.example\n")
    assert "https://three.example" in allowed()
    path.unlink()
    assert allowed() == {"https://one.example"}


def test_a_file_that_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its beginning counts, without the line that is cut at the bound, and that is in the log once."""
    monkeypatch.setattr(origins, "LOOK_EVERY_S", 0.0)
    path = tmp_path / "allowed_origins"
    begin = b"https://one.example\n#"
    padding = b"x" * (origins.MAX_FILE_BYTES - len(begin) - len(b"\nhttps://two.example"))
    path.write_bytes(begin + padding + b"\nhttps://two.example.org\nhttps://three.example\n")
    allowed = AllowedOrigins(path)
    assert [allowed() for _ in range(3)] == [{"https://one.example"}] * 3
    assert [record.message for record in caplog.records] == [
        f"allowed_origins is too large: only its first {origins.MAX_FILE_BYTES} bytes are read"
    ]
    path.write_bytes(begin + padding + b"\nhttps://two.example")  # just within it
    assert allowed() == {"https://one.example", "https://two.example"}
