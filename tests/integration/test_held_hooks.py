"""Hooks that wait for an answer: the real command as a process, against the real socket or a daemon that is played."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from ctm_trio.system import held_hook
from tests.integration.held_hooks import BASE, DENY, UUID, Home, handed_over, heard, impatient

WAIT = '{"ctm":1,"op":"wait","request":"REQUEST"}\n'


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.mark.parametrize("fill", [10, 500_000, 4_000_000])
async def test_an_answer_is_printed_and_confirmed(home: Home, fill: int) -> None:
    """What is taken is the log's line with its stamp; the answer comes out as compact JSON and is confirmed."""
    async with home.daemon() as taken, home.hook(fill=fill, CLAUDE_PID=str(os.getpid())) as waiting:
        hook = await taken.receive()
        (line,) = home.lines()
        assert hook.line == line
        assert line.endswith(b'"ctm_request":"%b"}' % hook.request.encode())
        assert hook.client_pid == os.getpid()
        assert await hook.answer(DENY) is True
        assert await waiting.end() == json.dumps(DENY, separators=(",", ":"), ensure_ascii=False) + "\n"
        assert await hook.ended() == "lost"
        assert await hook.answer(DENY) is False


async def test_a_large_answer(home: Home) -> None:
    """More than a pipe holds is printed whole; more than a hook takes is not sent."""
    async with home.daemon() as taken, home.hook() as waiting:
        hook = await taken.receive()
        assert await hook.answer({"x": "x" * (held_hook.MAX_ANSWER_BYTES + 1)}) is False
        confirmed: list[bool] = []

        async def answer() -> None:
            confirmed.append(await hook.answer({"x": "x" * 3_000_000}))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            assert len(await waiting.end()) == 3_000_000 + len('{"x":""}\n')
        assert confirmed == [True]


async def test_a_release_prints_nothing(home: Home) -> None:
    """A hook that is let go ends without a word."""
    async with home.daemon() as taken, home.hook() as waiting:
        hook = await taken.receive()
        await hook.release()
        assert await waiting.end() == ""
        assert await hook.ended() == "lost"


async def test_other_events_and_the_old_name_ask_nobody(home: Home) -> None:
    """Only a PermissionRequest of `hook` waits."""
    with home.listen() as daemon:
        async with home.hook(event="PreToolUse") as waiting:
            assert await waiting.end() == ""
        async with home.hook(*BASE[:-1], "log-tool-use") as waiting:
            assert await waiting.end() == ""
        assert daemon.nobody_came()
    assert [b"ctm_request" in line for line in home.lines()] == [False, False]


async def test_a_payload_that_is_too_large_is_only_logged(home: Home) -> None:
    """More than 4 MiB is not held."""
    with home.listen() as daemon:
        async with home.hook(fill=4 << 20) as waiting:
            assert await waiting.end() == ""
        assert daemon.nobody_came()
    assert len(home.lines()) == 1


async def test_a_line_that_cannot_be_logged_is_asked_for_all_the_same(home: Home) -> None:
    """A full disk or a directory in the way does not take the answer away."""
    (home.conf / "hook-events").write_text("in the way")
    async with home.daemon() as taken, home.hook() as waiting:
        hook = await taken.receive()
        assert json.loads(hook.line)["ctm_request"] == hook.request
        assert await hook.answer(DENY) is True
        assert json.loads(await waiting.end()) == DENY


@pytest.mark.parametrize("there", ["nothing", "stale", "file", "pipe"])
async def test_without_a_daemon_it_ends_at_once(home: Home, there: str) -> None:
    """No socket, one that nobody serves, something else in its place: its line is logged, nothing is printed."""
    if there == "stale":
        home.listen().close()
    elif there == "file":
        home.socket.write_text("a file")
    elif there == "pipe":
        os.mkfifo(home.socket)
    async with home.hook() as waiting:
        assert await waiting.end() == ""
    assert len(home.lines()) == 1


async def test_a_daemon_that_goes_before_it_holds_is_not_asked_again(home: Home) -> None:
    """A connection that ends without `wait` is no decision."""
    with home.listen() as daemon:
        async with home.hook() as waiting:
            async with await daemon.accept() as stream:
                await handed_over(stream)
            assert await waiting.end() == ""
        assert daemon.nobody_came()


async def test_a_daemon_that_says_nothing(home: Home) -> None:
    """Whoever does not say in time that it holds is left."""
    with home.listen() as daemon:
        async with home.hook(*impatient(ACK_S=0.2)) as waiting, await daemon.accept():
            assert await waiting.end() == ""


@pytest.mark.parametrize("fill", [10, 500_000])
async def test_the_next_daemon_gets_the_same_request(home: Home, fill: int) -> None:
    """A hook whose daemon has gone comes to the one that is started in its place, with the same line."""
    async with home.hook(*impatient(RECONNECT_S=20.0), fill=fill, told=False) as waiting:
        async with home.daemon() as taken:
            await waiting.tell()
            first = await taken.receive()
        assert not home.socket.exists()
        async with home.daemon() as taken:
            again = await taken.receive()
            assert (again.request, again.line) == (first.request, first.line)
            assert await again.answer(DENY) is True
            assert json.loads(await waiting.end()) == DENY


async def test_it_comes_back_once(home: Home) -> None:
    """A daemon that is lost a second time decides nothing, and is not looked for."""
    with home.listen() as daemon:
        async with home.hook() as waiting:
            for _ in range(2):
                async with await daemon.accept() as stream:
                    head, _line = await handed_over(stream)
                    await stream.send_all(WAIT.replace("REQUEST", str(head["request"])).encode())
            assert await waiting.end() == ""
        assert daemon.nobody_came()


async def test_a_daemon_that_stays_away(home: Home) -> None:
    """After its time a hook ends without a word, also if the log was rotated and its line is gone."""
    async with home.hook(*impatient(RECONNECT_S=0.3), told=False) as waiting:
        async with home.daemon() as taken:
            await waiting.tell()
            await taken.receive()
        assert await waiting.end() == ""
    async with home.hook(*impatient(RECONNECT_S=20.0), fill=500_000, told=False) as waiting:
        async with home.daemon() as taken:
            await waiting.tell()
            await taken.receive()
            os.truncate(home.conf / "hook-events" / f"{UUID}.jsonl", 100)
        with home.listen() as daemon:
            async with await daemon.accept() as stream:
                assert len(await heard(stream, 2)) == 1
                assert await waiting.end() == ""


RUBBISH = [
    b"",
    b"\n\n",
    b"\x00\xff\xfe rubbish\n",
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}",
    b"{}\n",
    b"allow\n",
    b'{"ctm":2,"op":"answer","request":"REQUEST","print":{"a":1}}\n',
    b'{"ctm":1,"op":"answer","request":"00000000000000000000000000000000","print":{"a":1}}\n',
    b'{"ctm":1,"op":"answer","print":{"a":1}}\n',
    b'{"ctm":1,"op":"answer","request":"REQUEST"}\n',
    b'{"ctm":1,"op":"answer","request":"REQUEST","print":null}\n',
    b'{"ctm":1,"op":"answer","request":"REQUEST","print":"allow"}\n',
    b'{"ctm":1,"op":"answer","request":"REQUEST","print":[{"a":1}]}\n',
    b'{"ctm":1,"op":"answer","request":"REQUEST","print":{"a":1}}}\n',
    b'{"ctm":1,"op":"answer","request":"REQUEST","print":{"a":1}{}}\n',
    b'{"ctm":1,"op":"answer","request":"REQUEST","print":{"a":NaN}}\n',
    b'{"ctm":1,"op":"answer","request":"REQUEST","print":{"a":"\xff"}}\n',
    b'{"ctm":1,"op":"answer","request":"REQUEST","print":{"a":1}',
    b'{"ctm":1,"op":"release","request":"00000000000000000000000000000000"}\n',
    b"x" * 9_000_000,
]


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("answer", RUBBISH, ids=lambda value: str(value[:60]))
async def test_what_is_not_understood_decides_nothing(home: Home, answer: bytes, held: bool) -> None:
    """Another version or request, rubbish, half a message: no word, no confirmation, exit code 0."""
    with home.listen() as daemon:
        async with home.hook(*impatient(RECONNECT_S=0.0)) as waiting:
            async with await daemon.accept() as stream:
                head, _ = await handed_over(stream)
                request = str(head["request"]).encode()
                if held:
                    await stream.send_all(WAIT.encode().replace(b"REQUEST", request))
                try:
                    await stream.send_all(answer.replace(b"REQUEST", request))
                    await stream.send_eof()
                except trio.BrokenResourceError:
                    pass  # it has seen enough
                daemon.close()
                try:
                    assert await heard(stream) == []
                except trio.BrokenResourceError:
                    pass  # it left without reading the rest
            assert await waiting.end() == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_a_signal_ends_it_without_a_word(home: Home, number: int) -> None:
    """As when the terminal says No: exit code 0, nothing printed, and the daemon knows why."""
    async with home.daemon() as taken, home.hook() as waiting:
        hook = await taken.receive()
        waiting.process.send_signal(number)
        assert await hook.ended() == "signal"
        assert await waiting.end() == ""
        assert await hook.answer(DENY) is False
    assert not (home.conf / "logs" / ".hook-errors.log").exists()


async def test_the_words_of_a_hook(home: Home) -> None:
    """What it says, to the letter."""
    with home.listen() as daemon:
        for printed in (True, False):
            async with home.hook() as waiting, await daemon.accept() as stream:
                head, line = await handed_over(stream)
                assert [*head] == ["ctm", "op", "request", "bytes", "client_pid"]
                assert (head["ctm"], head["op"], head["client_pid"]) == (1, "hold", str(os.getpid()))
                assert home.lines()[-1] == line
                request = str(head["request"])
                await stream.send_all(WAIT.replace("REQUEST", request).encode())
                if printed:
                    answer = f'{{"ctm":1,"op":"answer","request":"{request}","print":{{"n":1.50}}}}\n'
                    await stream.send_all(answer.encode())
                    assert await heard(stream) == [f'{{"ctm":1,"op":"printed","request":"{request}"}}'.encode()]
                    assert await waiting.end() == '{"n":1.50}\n'
                else:
                    waiting.process.terminate()
                    assert await heard(stream) == [b'{"ctm":1,"op":"ended","signal":15}']
                    assert await waiting.end() == ""


async def test_a_hook_whose_client_is_killed_ends(home: Home) -> None:
    """A client that is killed does not end its hooks; they see it themselves."""
    client = await trio.lowlevel.open_process(["sleep", "600"])
    try:
        async with home.daemon() as taken, home.hook(CLAUDE_PID=str(client.pid)) as waiting:
            hook = await taken.receive()
            client.kill()
            assert await hook.ended() == "lost"
            assert await waiting.end() == ""
    finally:
        client.kill()
        await client.wait()


async def test_a_hook_whose_client_is_killed_is_seen_without_pidfds(home: Home) -> None:
    """Where the system does not tell, it is looked for; a client that was never seen says nothing."""
    code = (
        "import posix; vars(posix).pop('pidfd_open', None)\n"
        "from ctm_trio.producers import client_watch, hook; client_watch.LOOK_S = 0.1; hook.main(['hook'])"
    )
    client = await trio.lowlevel.open_process(["sleep", "600"])
    try:
        async with home.daemon() as taken:
            async with home.hook(sys.executable, "-c", code, CLAUDE_PID=str(client.pid)) as waiting:
                await taken.receive()
                client.kill()
                assert await waiting.end() == ""
            async with home.hook(CLAUDE_PID=str(client.pid)) as waiting:
                hook = await taken.receive()
                assert await hook.answer(DENY) is True
                assert json.loads(await waiting.end()) == DENY
    finally:
        client.kill()
        await client.wait()


async def test_a_shell_that_is_ended_alone_counts_as_a_signal(home: Home) -> None:
    """A client may end only the shell that it started."""
    async with home.daemon() as taken, home.hook("/bin/sh", "-c", f"{' '.join(BASE)} || :") as waiting:
        hook = await taken.receive()
        waiting.process.kill()
        with trio.fail_after(30):
            assert await hook.ended() == "signal"


async def test_a_client_that_does_not_listen(home: Home) -> None:
    """A standard output that is closed ends the wait, and one that was never there begins none."""
    async with home.daemon() as taken:
        async with home.hook() as waiting:
            hook = await taken.receive()
            assert waiting.process.stdout is not None
            await waiting.process.stdout.aclose()
            assert await hook.answer(DENY) is False
            assert await hook.ended() == "lost"
            with trio.fail_after(30):
                assert await waiting.process.wait() == 0
        async with home.hook("/bin/sh", "-c", f"exec {' '.join(BASE)} 0<&0 1>&- 2>&-") as waiting:
            assert await waiting.end() == ""
        with pytest.raises(trio.WouldBlock):
            taken.receive_nowait()


async def test_a_client_that_reads_nothing_does_not_hold_it_up(home: Home) -> None:
    """An answer that cannot be printed in time is not confirmed, and the hook ends."""
    async with home.daemon() as taken, home.hook(*impatient(PRINT_S=0.2)) as waiting:
        hook = await taken.receive()
        assert await hook.answer({"x": "x" * 3_000_000}) is False
        assert await hook.ended() == "lost"
        with trio.fail_after(30):
            assert await waiting.process.wait() == 0


async def test_a_pipe_that_does_not_block(home: Home) -> None:
    """A client that made its pipe non-blocking gets the whole answer all the same."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        async with home.daemon() as taken:
            process = await trio.lowlevel.open_process(BASE, stdin=subprocess.PIPE, stdout=writing, env=home.env)
            os.close(writing)
            writing = -1
            data = json.dumps({"session_id": UUID, "hook_event_name": "PermissionRequest"}).encode()
            assert process.stdin is not None
            await process.stdin.send_all(data)
            await process.stdin.aclose()
            hook = await taken.receive()
            out = bytearray()

            async def read() -> None:
                while more := await trio.to_thread.run_sync(os.read, reading, 65536):
                    out.extend(more)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(read)
                assert await hook.answer({"x": "x" * 1_000_000}) is True
            assert len(out) == 1_000_000 + len('{"x":""}\n')
            assert await process.wait() == 0
    finally:
        for fd in (reading, writing):
            if fd >= 0:
                os.close(fd)


async def test_three_hundred_at_once(home: Home) -> None:
    """Each of 300 hooks that wait together gets its own answer."""
    requests: list[str] = []

    async def one() -> None:
        async with home.hook(*impatient(ACK_S=25.0)) as waiting:
            requests.append(json.loads(await waiting.end())["request"])

    async with home.daemon() as taken, trio.open_nursery() as nursery:
        for _ in range(300):
            nursery.start_soon(one)
        hooks = [await taken.receive() for _ in range(300)]
        for hook in hooks:
            assert await hook.answer({"request": hook.request}) is True
    assert sorted(requests) == sorted(hook.request for hook in hooks)
    assert len(set(requests)) == 300


async def test_a_long_path(tmp_path: Path) -> None:
    """A HOME whose path is longer than the address of a socket."""
    home = Home(tmp_path / ("h" * 150) / ("o" * 150))
    async with home.daemon() as taken, home.hook() as waiting:
        hook = await taken.receive()
        assert await hook.answer(DENY) is True
        assert json.loads(await waiting.end()) == DENY


def of(pid: int) -> tuple[int, int]:
    """Resident kilobytes and ticks of CPU of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(status.partition("VmRSS:")[2].split()[0]), int(fields[11]) + int(fields[12])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells what a process takes")
@pytest.mark.skipif("COVERAGE_PROCESS_START" in os.environ, reason="measuring coverage takes memory")
@pytest.mark.parametrize("fill", [10, 3_900_000])
async def test_waiting_costs_next_to_nothing(home: Home, fill: int) -> None:
    """At most 12 MB for each process and no CPU, whatever the size of the call. Source: PROTOCOL.md, Requests."""
    async with home.daemon() as taken, home.hook("/bin/sh", "-c", f"{' '.join(BASE)} || :", fill=fill) as waiting:
        await taken.receive()
        shell = waiting.process.pid
        (python,) = map(int, Path(f"/proc/{shell}/task/{shell}/children").read_text().split())
        before = of(python)[1]
        await trio.sleep(0.5)  # the time over which it is measured
        resident, ticks = of(python)
        assert resident <= 12_000
        assert of(shell)[0] <= 12_000
        assert ticks - before <= 1
        waiting.process.send_signal(signal.SIGKILL)


def test_the_path_of_a_socket_is_limited() -> None:
    """What the long path is about: without the way through the directory there is no such address."""
    with socket.socket(socket.AF_UNIX) as sock, pytest.raises(OSError, match="too long"):
        sock.bind("/" + "x" * 200)
