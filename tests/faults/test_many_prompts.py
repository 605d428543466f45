"""Two hundred prompts into sessions in every state at once: none lost, none twice, none into a dialog."""

from __future__ import annotations

import random
import re
from collections import Counter

import msgspec
import trio

from ctm_trio.errors.base import CtmError
from ctm_trio.model.prompt_record import Prompt
from tests.prompts_rig import Played, Rig, prompts_rig, running
from tests.tmux_server import PrivateTmux, server

__all__ = ["server"]

PROMPTS, SESSIONS = 200, 4
LIMIT_S = 600.0

STILL_S = 10.0
"""After so long without news a person clears the text that the daemon has to leave in a terminal."""

REPEATS = 5
"""Every so many prompts are sent twice at once, with the same key."""

ALPHABETS = ("abcdefgh ", "日本語のテキスト ", "é ü ß ", "; ' \" $ ` \\ # { } ", "line\n", "\ta")
LENGTHS = (1, 10, 200, 1500, 6000, 20_000)


def texts(rng: random.Random) -> list[str]:
    """All different, from one character to 20,000."""
    found = []
    for number in range(PROMPTS):
        alphabet, length = rng.choice(ALPHABETS), rng.choices(LENGTHS, (4, 8, 8, 4, 2, 1))[0]
        filler = (alphabet * (length // len(alphabet) + 1))[:length]
        found.append(f"{number} {filler} ."[: max(length, 5)].rstrip())
    return found


def unwrapped(text: str) -> str:
    """What a client was sent, without the tag that it puts round a paste of very many lines."""
    found = re.fullmatch(r'\n\n<pasted_content id="1">\n(.*?)(\n</pasted_content id="1">\n?)?', text, re.DOTALL)
    return found[1] if found else text


def over(rig: Rig) -> dict[str, str]:
    """The prompts that came to an end: id → how."""
    ended = (msgspec.json.decode(d.payload) for d in rig.told if d.type in ("prompt_delivered", "prompt_failed"))
    return {payload["id"]: payload["state"] for payload in ended}


class Trouble:
    """What goes on in a session meanwhile."""

    def __init__(self, server: PrivateTmux, played: Played, rng: random.Random) -> None:
        self.server, self.played, self.rng = server, played, rng

    async def run(self) -> None:
        """One state after the other, until cancelled."""
        name = f"={self.played.name}:0.0"
        while True:
            match self.rng.randrange(5):
                case 0:
                    self.server.run("copy-mode", "-t", name)
                case 1:
                    self.server.run("split-window", "-d", "-t", name, "cat")
                case 2:
                    self.server.run("kill-pane", "-a", "-t", name)
                case 3:
                    self.played.do("dialog")
                    await trio.sleep(0.05 * self.rng.randrange(1, 8))
                    self.played.do("close")
                case _:
                    self.played.do("busy")
                    await trio.sleep(0.05 * self.rng.randrange(1, 8))
                    self.played.do("free")
            await trio.sleep(0.05 * self.rng.randrange(2, 16))


async def send(rig: Rig, name: str, text: str, key: str, rng: random.Random) -> Prompt | None:
    """Send it as a program would that insists: again with the same key as long as it is refused."""
    while True:
        try:
            return await rig.prompt(name, text, key, "idle" if rng.random() < 0.3 else "now")
        except CtmError as error:
            if error.code not in ("dialog_open", "draft_in_the_way", "not_typeable", "too_many_prompts", "unavailable"):
                raise
            await trio.sleep(0.05)


async def person(rig: Rig, server: PrivateTmux, played: list[Played]) -> None:
    """Clear the input boxes whenever nothing has come to an end for a while: what a dialog left there is theirs."""
    while True:
        known = len(over(rig))
        with trio.move_on_after(STILL_S):
            while len(over(rig)) == known:
                await trio.sleep(0.05)
            continue
        for session in played:
            server.run("copy-mode", "-q", "-t", f"={session.name}:0.0")
            server.run("send-keys", "-t", f"={session.name}:0.0", "C-u")


async def all_over(rig: Rig) -> None:
    """Wait until every prompt came to an end."""
    while len(over(rig)) < PROMPTS:
        await trio.sleep(0.05)


async def test_none_lost_none_twice_none_into_a_dialog(server: PrivateTmux) -> None:
    """What is delivered or queued came once and exactly, what failed did not come, no dialog was answered."""
    rng = random.Random(20)
    async with prompts_rig(server) as rig, running(rig):
        played = [await rig.play(f"s{number}") for number in range(SESSIONS)]
        ends: dict[str, Prompt] = {}
        wanted = {text: played[number % SESSIONS] for number, text in enumerate(texts(rng))}

        async def one(number: int, text: str, limit: trio.CapacityLimiter) -> None:
            async with limit:
                name = wanted[text].name
                async with trio.open_nursery() as twice:
                    for _ in range(2 if number % REPEATS == 0 else 1):
                        twice.start_soon(keep, name, text, f"key {number}")

        async def keep(name: str, text: str, key: str) -> None:
            prompt = await send(rig, name, text, key, rng)
            assert prompt is not None
            assert text not in ends or ends[text].id == prompt.id
            ends[text] = prompt

        async with trio.open_nursery() as nursery:
            for session in played:
                nursery.start_soon(Trouble(server, session, rng).run)
            nursery.start_soon(person, rig, server, played)
            async with trio.open_nursery() as senders:
                limit = trio.CapacityLimiter(SESSIONS * 2)
                for number, text in enumerate(wanted):
                    senders.start_soon(one, number, text, limit)
            with trio.fail_after(LIMIT_S):
                await all_over(rig)
            nursery.cancel_scope.cancel()

        state_of = over(rig)
        states = Counter(state_of.values())
        for session in played:
            sent = Counter(map(unwrapped, session.noted("sent")))
            mine = {text: state_of[ends[text].id] for text, at in wanted.items() if at is session}
            arrived = {text for text, state in mine.items() if state in ("delivered", "queued")}
            expected = Counter({text.replace("\t", "    "): 1 for text in arrived})
            assert not sent - expected, f"{session.name} got something else: {[t[:40] for t in sent - expected]}"
            assert not expected - sent, f"{session.name} lost {[t[:40] for t in expected - sent]}"
            assert session.noted("chosen") == []
        assert states["delivered"] + states["queued"] > PROMPTS * 0.8, states
