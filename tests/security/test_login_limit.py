"""The limit on logins: one machine is one address, one user's flood is not another's, and every attempt counts."""

from __future__ import annotations

import httpx
import pytest

from ctm_trio.errors.access import RateLimited
from ctm_trio.model import attempts
from ctm_trio.model.asker import Asker, address_class, is_loopback
from ctm_trio.model.attempts import Attempts
from tests.faults.process import USER, Daemon
from tests.other_user import Stranger

LOGIN = "/api/auth/login"
WRONG = {**USER, "password": "a wrong password"}


def test_attempts_before_the_sign_up_count(daemon: Daemon) -> None:
    """Five are 404, the sixth is 429; a sign-up changes nothing in that."""
    for _ in range(5):
        assert daemon.request("POST", LOGIN, json=USER).status_code == 404
    assert daemon.request("POST", LOGIN, json=USER).status_code == 429
    assert daemon.request("POST", "/api/auth/signup", json=USER).status_code == 201
    assert daemon.request("POST", LOGIN, json=USER).status_code == 429


def test_other_loopback_addresses_are_no_new_clients(daemon: Daemon) -> None:
    """Whoever comes from 127.0.0.2 after five attempts from 127.0.0.1 is still the same."""
    assert daemon.request("POST", "/api/auth/signup", json=USER).status_code == 201
    for i in range(5):
        assert login_from(daemon, f"127.0.0.{1 + i}") == 401
    assert login_from(daemon, "127.9.9.9") == 429


def login_from(daemon: Daemon, source: str) -> int:
    """A wrong login over a connection from that address."""
    transport = httpx.HTTPTransport(local_address=source, verify=False)
    url = f"http://127.0.0.1:{daemon.port}"
    with httpx.Client(transport=transport, timeout=15, trust_env=False) as client:
        return client.post(url + LOGIN, json=WRONG, headers={"Origin": url}).status_code


def test_a_flood_of_another_user(daemon: Daemon) -> None:
    """Another user may try as often as they like from any address: they are told 429, the owner logs in."""
    assert daemon.request("POST", "/api/auth/signup", json=USER).status_code == 201
    stranger = Stranger(daemon.port)
    first = stranger.ask(*[("POST", LOGIN, WRONG)] * 7)
    second = stranger.ask(*[("POST", LOGIN, WRONG)] * 3, source="127.0.0.3")
    assert [status for status, _ in (*first, *second)] == [401] * 5 + [429] * 5
    assert daemon.request("POST", LOGIN, json=USER).status_code == 200


def test_the_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many within the window, the wait is told in whole seconds, success clears, and the memory is bounded."""
    monkeypatch.setattr(attempts, "MAX_KEYS", 3)
    now = 1000.0
    limit = Attempts(2, 60)
    limit.take("a", now)
    now += 59
    limit.take("a", now)
    with pytest.raises(RateLimited) as caught:
        limit.take("a", now)
    assert caught.value.retry_after_s == 2
    now += 1
    limit.take("a", now)
    limit.clear("a")
    limit.take("a", now)
    for key in "bcdefg":
        limit.take(key, now)
    assert len(limit._of) <= 3


def test_what_counts_as_one_address() -> None:
    """All of 127.0.0.0/8 and ::1 are one, IPv6 goes by /64, and users of the machine are apart."""
    assert {address_class(a) for a in ("127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.5")} == {"loopback"}
    assert address_class("2001:db8::1") == address_class("2001:db8::ffff:1") != address_class("2001:db8:0:1::1")
    assert address_class("192.0.2.1") == address_class("::ffff:192.0.2.1") != address_class("192.0.2.2")
    assert address_class("") == address_class("nonsense") == "?"
    assert len({Asker("127.0.0.1", uid).key for uid in (None, 0, 1000)}) == 3
    assert Asker("127.0.0.1", 5).key == Asker("127.3.0.1", 5).key
    assert is_loopback("127.8.8.8")
    assert is_loopback("::ffff:127.0.0.1")
    assert not is_loopback("192.0.2.1")
    assert not is_loopback("")
