"""Attacks on a running daemon: from web pages, from other users, with names, ids and texts that are more than that."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctm_trio.system import password_hash
from ctm_trio.system.user_file import HashParams
from ctm_trio.web.openapi import PATHS
from tests.contract.conftest import open_site
from tests.faults.process import HOST, USER, Daemon, eventually
from tests.faults.rig import line

UUID = "11111111-2222-4333-8444-555555555555"
CANARY = "CANARY"
MUTATIONS = [(m, path) for path, methods in PATHS.items() for m in methods if m != "get"]
WITHOUT_ORIGIN = {"/api/auth/logout", "/api/hooks/{event}"}
"""What the command line may ask without an Origin; a page always sends one with these."""

EVIL = ["https://evil.example", "null", "http://127.0.0.1", "http://localhost:1", "https://127.0.0.1:{port}",
        "http://127.0.0.1:{port}.evil.example", "http://evil.example:{port}", "http://127.0.0.1:{port}/"]  # fmt: skip


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon whose umask hides nothing, with a fake `claude`, a session, and a repository full of traps."""
    home = tmp_path_factory.mktemp("home")
    (home / "bin").mkdir()
    (home / "bin" / "claude").write_text("#!/bin/sh\necho ready\nexec cat\n")
    (home / "bin" / "claude").chmod(0o755)
    with Daemon(home) as made:
        made.prefix = ("sh", "-c", 'umask 000; exec "$@"', "sh")
        made.environment = {"PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}", "SHELL": "/bin/sh"}
        record = {"name": "alpha", "uuid": UUID, "mode": "yolo", "workdir": str(home),
                  "created_at": "2026-05-01T10:00:00Z"}  # fmt: skip
        (made.root / "sessions.json").write_text(json.dumps({"schema_version": 1, "sessions": {"alpha": record}}))
        made.log().append(line(UUID, "one"))
        try:
            yield made.start()
        finally:
            env = {**os.environ, "TMUX_TMPDIR": str(home / "tmux")}
            subprocess.run(["tmux", "kill-server"], env=env, check=False, capture_output=True)


def state(daemon: Daemon) -> dict[str, bytes]:
    """What a mutation could have changed."""
    return {name: (daemon.root / name).read_bytes() for name in ("sessions.json", "config.json", "user.json")}


def filled(path: str) -> str:
    """A path of the description with harmless parts."""
    fill = {"{name}": "alpha", "{call}": "1-0", "{sha}": "1" * 40, "{event}": "session_killed"}
    for part, value in fill.items():
        path = path.replace(part, value)
    return path


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}", "[::1]", ""])
def test_dns_rebinding(daemon: Daemon, host: str) -> None:
    """Under a foreign Host nothing is answered but 421, whatever is asked, token or not; HTTP's own 400 for none."""
    for path, methods in PATHS.items():
        for method in methods:
            with daemon.connect() as sock:
                head = f"{method.upper()} {filled(path)} HTTP/1.1\r\nHost: {host.format(port=daemon.port)}\r\n"
                if path == "/ws":
                    head += "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                    head += "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
                head += f"Authorization: Bearer {daemon.token}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                if path == "/ws":
                    head = head.replace("Connection: close\r\n", "").replace("Content-Length: 0\r\n", "")
                sock.sendall(head.encode())
                sock.settimeout(5)
                answer = sock.recv(4096)
            assert answer.split(b" ")[1] in (b"421", b"400"), (path, answer)


@pytest.mark.parametrize(("method", "path"), MUTATIONS)
def test_cross_site_requests(daemon: Daemon, method: str, path: str) -> None:
    """No mutation and no hook is done for a page of another origin, though it has a valid token and a plain form."""
    before = state(daemon)
    bodies = ({"json": {"confirm": "alpha", "to": "beta", "text": "x"}}, {"data": {"name": "alpha", "uuid": UUID}})
    for origin in EVIL:
        for body in bodies:
            headers = {"Origin": origin.format(port=daemon.port)}
            answer = daemon.request(method.upper(), filled(path), headers=headers, **body)
            assert answer.status_code == 403, (origin, answer.text)
    if path not in WITHOUT_ORIGIN:
        with daemon.connect() as sock:
            head = f"{method.upper()} {filled(path)} HTTP/1.1\r\nHost: {HOST}:{daemon.port}\r\n"
            head += f"Authorization: Bearer {daemon.token}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
            sock.sendall(head.encode())
            assert b" 403 " in sock.recv(4096)
    assert state(daemon) == before


def handshake(daemon: Daemon, *more: str) -> bytes:
    """The answer to a WebSocket handshake."""
    head = [
        "GET /ws HTTP/1.1", f"Host: {HOST}:{daemon.port}", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==", *more, "", "",
    ]  # fmt: skip
    with daemon.connect() as sock:
        sock.sendall("\r\n".join(head).encode())
        sock.settimeout(5)
        return sock.recv(4096)


def test_cross_site_websocket(daemon: Daemon) -> None:
    """A page of another origin gets no WebSocket, even with a token; our own page and programs do."""
    token = f"Authorization: Bearer {daemon.token}"
    for origin in EVIL:
        assert b" 403 " in handshake(daemon, token, f"Origin: {origin.format(port=daemon.port)}"), origin
    assert b" 101 " in handshake(
        daemon, token, f"Origin: http://{HOST}:{daemon.port}", "Sec-WebSocket-Protocol: ctm.v1"
    )
    assert b" 101 " in handshake(daemon, token)
    offered = f"Sec-WebSocket-Protocol: ctm.v1, ctm.bearer.{daemon.token}"
    answer = handshake(daemon, offered, f"Origin: http://{HOST}:{daemon.port}")
    assert b" 101 " in answer
    assert daemon.token.encode() not in answer, "the token must not be echoed as the chosen subprotocol"
    assert b" 401 " in handshake(daemon)
    assert b" 401 " in handshake(daemon, "Sec-WebSocket-Protocol: ctm.v1, ctm.bearer.wrong")


NASTY = ["..", "../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e", "%00", "a%00b", "-rf", "--help", "a;id",
         "$(touch CANARY)", "`touch CANARY`", "#(touch CANARY)", "a%0ab", "%ff%fe", "a'b", 'a"b', "a%20b", "~root",
         "=alpha", "alpha:0", "{name}", "%25n", "x" * 3000, "é", "<script>", "alpha/../../x", "9" * 40, "-1",
         "1-0-0"]  # fmt: skip


@pytest.mark.parametrize("nasty", NASTY)
def test_traversal_in_every_name_and_id(daemon: Daemon, nasty: str) -> None:
    """Names, ids and hashes of any kind lead to no file outside, run nothing, and are never an internal error."""
    before = state(daemon)
    for path, methods in PATHS.items():
        if "{" not in path or path.startswith("/events/"):
            continue
        for part in ("{name}", "{call}", "{sha}", "{event}"):
            if part not in path:
                continue
            target = filled(path.replace(part, "\1")).replace("\1", nasty)
            for method in methods:
                with daemon.connect() as sock:
                    body = json.dumps({"confirm": nasty, "to": "beta", "text": "x", "sha": nasty}).encode()
                    head = f"{method.upper()} {target.replace(' ', '%20')} HTTP/1.1\r\nHost: {HOST}:{daemon.port}\r\n"
                    head += f"Authorization: Bearer {daemon.token}\r\nOrigin: http://{HOST}:{daemon.port}\r\n"
                    head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                    sock.sendall(head.encode() + body)
                    sock.settimeout(15)
                    answer = b""
                    while data := sock.recv(65536):
                        answer += data
                assert answer.split(b" ")[1][:1] in (b"4", b"2"), (method, target, answer[:300])
                assert b"root:" not in answer
    assert state(daemon) == before
    assert not list(daemon.home.rglob(CANARY))


@pytest.mark.parametrize("uuid", ["../../../etc/passwd", "/etc/passwd", "..", "a/b", "$(touch CANARY)", "x" * 4000, ""])
def test_traversal_in_a_uuid(daemon: Daemon, uuid: str) -> None:
    """A uuid of the command line names no file outside of the logs."""
    files = {path for path in daemon.home.rglob("*") if "tmux" not in path.parts}
    answer = daemon.request("POST", "/api/hooks/session_new", data={"name": "nasty", "uuid": uuid, "mode": "safe"})
    assert answer.status_code in (204, 400)
    for path in ("feed", "subagents", "teams", "feed/history?before=9-0", "checkpoints"):
        found = daemon.request("GET", f"/api/sessions/nasty/{path}")
        assert found.status_code < 500, found.text
        assert "root:" not in found.text
    new = {path for path in daemon.home.rglob("*") if "tmux" not in path.parts} - files
    assert all(daemon.root in path.parents for path in new)
    assert not list(daemon.home.rglob(CANARY))


WORKDIRS = ["#(touch CANARY)", "$(touch CANARY)", "`touch CANARY`", "; touch CANARY", "a'; touch CANARY; '",
            'a"; touch CANARY; "', "-n", "#{pid}", "a & touch CANARY", "%H:%M"]  # fmt: skip


@pytest.mark.parametrize("index", range(len(WORKDIRS)))
def test_injection_by_workdir(daemon: Daemon, index: int) -> None:
    """A work directory is a directory for tmux, git and the shell, whatever its name."""
    name, workdir = f"inject{index}", daemon.home / "work" / WORKDIRS[index]
    workdir.mkdir(parents=True)
    answer = daemon.request("POST", "/api/sessions", json={"workdir": str(workdir), "name": name})
    assert answer.status_code == 201, answer.text
    assert answer.json()["workdir"] == str(workdir)
    assert daemon.request("GET", f"/api/sessions/{name}/checkpoints").status_code == 200
    eventually(lambda: bool(daemon.get(f"/api/sessions/{name}")["tmux_alive"]), what="the session")
    for text in ("; touch CANARY", "-X kill-session", "#(touch CANARY)", "$(touch CANARY)", "C-c", "a;", "\\;"):
        typed = daemon.request("POST", f"/api/sessions/{name}/input", json={"text": text})
        assert typed.status_code == 204, typed.text
    assert daemon.get(f"/api/sessions/{name}")["tmux_alive"] is True
    killed = daemon.request("POST", f"/api/sessions/{name}/kill", json={"confirm": name})
    assert killed.status_code == 200
    assert not [path for path in daemon.home.rglob("*") if path.name == CANARY]


def test_git_traps(daemon: Daemon) -> None:
    """A repository whose settings and attributes name programs runs none of them when it is only looked at."""
    work = daemon.home / "trap"
    git = ["git", "-C", str(work), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", "init", "-q", str(work)], check=True)
    (work / ".gitattributes").write_text("* diff=evil\n")
    (work / "file").write_text("one\n")
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "checkpoint: one"], check=True)
    (work / "file").write_text("two\n")
    subprocess.run([*git, "commit", "-q", "-am", "checkpoint: --output=CANARY"], check=True)
    touch = f"touch {work / CANARY}"
    for key in ("core.fsmonitor", "core.pager", "diff.external", "diff.evil.command", "diff.evil.textconv",
                "core.sshCommand", "gpg.program", "core.hooksPath"):  # fmt: skip
        subprocess.run([*git, "config", key, touch], check=True)
    name = "trapped"
    made = daemon.request("POST", "/api/sessions", json={"workdir": str(work), "name": name})
    assert made.status_code == 201, made.text
    listed = daemon.get(f"/api/sessions/{name}/checkpoints")["checkpoints"]
    assert len(listed) == 2
    assert "+two" in daemon.request("GET", f"/api/sessions/{name}/checkpoints/{listed[0]['sha']}/diff").text
    for sha in ("--output=CANARY", "HEAD", listed[0]["sha"][:10], listed[0]["sha"].upper()):
        assert daemon.request("GET", f"/api/sessions/{name}/checkpoints/{sha}/diff").status_code in (400, 404)
    daemon.request("POST", f"/api/sessions/{name}/kill", json={"confirm": name})
    assert not (work / CANARY).exists()


def test_private_files(daemon: Daemon) -> None:
    """With a umask that hides nothing every file of ours is 0600 and every directory 0700."""
    ours = [daemon.root, *daemon.root.rglob("*")]
    assert len(ours) > 8
    for path in ours:
        if path.parent != daemon.logs and path != daemon.root / "config.json":  # those two the test wrote
            mode = stat.S_IMODE(path.lstat().st_mode)
            assert mode == (0o700 if path.is_dir() else 0o600), (path.name, oct(mode))


def test_another_user(daemon: Daemon) -> None:
    """Another user of the machine can open none of our files, even if the way to the home directory is open."""
    if os.getuid() != 0:
        pytest.skip("becoming somebody else needs root")
    opened = [daemon.home, *daemon.home.parents]
    before = {path: path.stat().st_mode for path in opened if path.stat().st_mode & 0o005 != 0o005}
    try:
        for path in before:
            path.chmod(0o755)
        code = (
            "import pathlib, sys\n"
            "def reach(p):\n"
            "    try: p.open('rb').close() if p.is_file() else list(p.iterdir()); return True\n"
            "    except OSError: return False\n"
            "sys.exit(any([reach(pathlib.Path(p)) for p in sys.argv[1:]]))"
        )
        paths = [str(path) for path in [daemon.root, *daemon.root.rglob("*")]]
        python = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable
        asked = subprocess.run([python, "-c", code, *paths], user=65534, group=65534, extra_groups=[], check=False)
        assert asked.returncode == 0, "another user could read something"
        mine = subprocess.run([python, "-c", code, *paths], check=False)
        assert mine.returncode == 1, "the check itself must be able to fail"
    finally:
        for path, mode in before.items():
            path.chmod(stat.S_IMODE(mode))


def test_a_config_kept_elsewhere(daemon: Daemon) -> None:
    """A `config.json` that is a link stays one: the file it leads to is replaced, privately, and nothing beside it."""
    config, elsewhere = daemon.root / "config.json", daemon.home / "dotfiles"
    elsewhere.mkdir()
    real = elsewhere / "ctm.json"
    real.write_bytes(config.read_bytes())
    config.unlink()
    config.symlink_to(real)
    answer = daemon.request("PATCH", "/api/config", json={"attention": {"idle_minutes": 7}})
    assert answer.status_code == 202, answer.text
    assert config.is_symlink()
    assert json.loads(real.read_bytes())["serve"]["attention"]["idle_minutes"] == 7
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert [path.name for path in elsewhere.iterdir()] == ["ctm.json"]


def test_brute_force(tmp_path: Path) -> None:
    """Five wrong passwords and the sixth try is 429, also with the right one and any X-Forwarded-For."""
    with Daemon(tmp_path) as daemon:
        daemon.start()
        for i in range(5):
            wrong = {**USER, ("username", "password")[i % 2]: f"wrong-{i}@example.com"}
            answer = daemon.request("POST", "/api/auth/login", json=wrong)
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_credentials")
        for forwarded in ("", "1.2.3.4", "10.0.0.1, 1.2.3.4"):
            headers = {"X-Forwarded-For": forwarded, "Forwarded": f"for={forwarded}"} if forwarded else {}
            answer = daemon.request("POST", "/api/auth/login", json=USER, headers=headers)
            assert answer.status_code == 429, answer.text
            assert 1 <= int(answer.headers["Retry-After"]) <= 60


async def test_both_ways_of_being_wrong_cost_a_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong name takes the same hash as a wrong password, so the time of an answer tells no name."""
    hashed: list[tuple[bytes, object, object]] = []
    real = password_hash.hash_password

    def counted(password: bytes, salt: bytes, params: HashParams) -> bytes:
        hashed.append((password, salt, params))
        return real(password, salt, params)

    async with open_site(tmp_path) as site, site.client(token=False) as client:
        client.headers["Origin"] = site.origin
        answer = await client.post("/api/auth/signup", json=USER)
        assert answer.status_code == 201, answer.text
        monkeypatch.setattr(password_hash, "hash_password", counted)
        for field in ("username", "password"):
            answer = await client.post("/api/auth/login", json={**USER, field: "wrong@example.com"})
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_credentials")
    assert [password for password, *_ in hashed] == [USER["password"].encode(), b"wrong@example.com"]
    assert hashed[0][1:] == hashed[1][1:], "another salt, or other costs"


def test_no_secret_in_the_log_or_on_disk(tmp_path: Path) -> None:
    """Tokens, passwords and the webhook's secret are nowhere in the log of a run, nor in any file but their own."""
    secrets = [USER["password"], "hunter2-hunter2", "webhook-secret-5150", "token-in-a-url-77"]
    with Daemon(tmp_path) as daemon:
        daemon.environment = {"CTM_LOG": "DEBUG"}
        daemon.start()
        daemon.request("POST", "/api/auth/login", json={**USER, "password": secrets[1]})
        daemon.request("POST", "/api/auth/login", json=USER)
        daemon.request("POST", "/api/auth/login", content=f'{{"password": "{secrets[1]}", broken')
        auth = {"webhook_auth": f"Bearer {secrets[2]}", "webhook_url": f"http://{HOST}:1/hook?key={secrets[2]}"}
        assert daemon.request("PATCH", "/api/config", json=auth).status_code == 202
        daemon.request("POST", "/api/webhook/test")
        with socket.create_connection((HOST, daemon.port)) as sock:
            sock.sendall(f"GET /events/all?token={secrets[3]} HTTP/1.1\r\nHost: {HOST}:{daemon.port}\r\n\r\n".encode())
            sock.recv(4096)
        daemon.request("GET", "/api/nothing", headers={"Authorization": f"Bearer {secrets[3]}"})
        handshake(daemon, f"Sec-WebSocket-Protocol: ctm.v1, ctm.bearer.{daemon.token}")
        with daemon.stream() as stream:
            stream.read()
        token = daemon.token
        assert daemon.stop()[0] == 0
        said = daemon.said()
        assert said
        for secret in (*secrets, token):
            assert secret not in said
        kept = {path.name: path.read_bytes() for path in daemon.root.rglob("*") if path.is_file()}
        holders = {s: {name for name, data in kept.items() if s.encode() in data} for s in (*secrets, token)}
        assert holders[secrets[2]] == {"config.json"}
        assert not holders[token] | holders[secrets[0]] | holders[secrets[1]] | holders[secrets[3]]
