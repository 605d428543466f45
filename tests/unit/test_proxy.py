"""`model.proxy`: which proxy a webhook's address goes through, whatever stands in the environment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm_trio.model.proxy import is_loopback, proxy_fault, proxy_for

PROXY = "http://proxy:3128"


@pytest.mark.parametrize(
    ("url", "environment", "proxy"),
    [
        ("http://h/", {}, ""),
        ("http://h/", {"http_proxy": PROXY}, PROXY),
        ("http://h/", {"HTTP_PROXY": "proxy:3128"}, PROXY),
        ("http://h/", {"HTTP_PROXY": "http://other", "http_proxy": PROXY}, PROXY),
        ("https://h/", {"http_proxy": PROXY}, ""),
        ("https://h/", {"ALL_PROXY": PROXY}, PROXY),
        ("https://h/", {"ALL_PROXY": "http://other", "HTTPS_PROXY": PROXY}, PROXY),
        ("http://h/", {"http_proxy": " "}, ""),
    ],
)
def test_which_variable_counts(url: str, environment: dict[str, str], proxy: str) -> None:
    """The scheme's own variable before the one for all, the lower-case name before the other; a blank one is none."""
    found = proxy_for(url, environment)
    assert (found.url if found else "") == proxy


@pytest.mark.parametrize(
    ("url", "no_proxy", "direct"),
    [
        ("http://h.example/", "*", True),
        ("http://h.example/", "example", True),
        ("http://h.example/", ".example", True),
        ("http://h.example/", "*.example", True),
        ("http://h.example/", "ample", False),
        ("http://H.example./", "h.EXAMPLE", True),
        ("http://h.example:81/", "h.example:81", True),
        ("http://h.example/", "h.example:81", False),
        ("https://h.example/", "https://h.example:443", True),
        ("http://10.1.2.3/", "10.0.0.0/8", True),
        ("http://10.1.2.3/", "11.0.0.0/8 , 10.1.2.3", True),
        ("http://10.1.2.3:8/", "10.1.2.3:9", False),
        ("http://[fd00::5]/", "localhost,127.0.0.0/8,::1,fd00::/8,fe80::/10", True),
        ("http://[fd00::5]:8/", "[fd00::5]:8", True),
        ("http://[fd00::5]:8/", "[fd00::5]:9", False),
        ("http://[fd00::5]/", "fc00::/99999,::::,[[,10.0.0.0/8", False),
        ("http://h.example/", "localhost,127.0.0.0/8,::1,fd00::/8,fe80::/10", False),
        ("http://10.example/", "10.0.0.0/8", False),
        ("http://h.example/", ",,  ,:,:80,.,*.", False),
    ],
)
def test_who_needs_none(url: str, no_proxy: str, direct: bool) -> None:
    """Names, ports, networks of both kinds; what cannot be understood is left out."""
    assert (proxy_for(url, {"all_proxy": PROXY, "no_proxy": no_proxy}) is None) is direct


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_this_machine_needs_none(host: str) -> None:
    """Loopback is reached directly, whatever the environment says."""
    assert proxy_for(f"http://{host}:8080/x", {"ALL_PROXY": "socks5h://127.0.0.1:1080"}) is None
    assert not is_loopback("127.0.0.1.example")


@pytest.mark.parametrize(
    "value", ["ftp://p:1", "http://", "http://p:99999", "http://p:x", "://", "http://[::1", "http://a b", "socks4://p"]
)
def test_proxies_that_are_none(value: str) -> None:
    """A proxy that cannot be used is named with a sentence."""
    found = proxy_for("http://h/", {"http_proxy": value})
    assert found is not None
    assert "http_proxy" in proxy_fault(found)
    assert proxy_fault(found).endswith(".")


def test_passwords_are_not_shown() -> None:
    """The message has no user and no password."""
    found = proxy_for("http://h/", {"http_proxy": "ftp://me:s3cret@p:1"})
    assert found is not None
    assert "s3cret" not in proxy_fault(found)
    assert found.shown == "http_proxy=ftp://p:1"


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_environment(proxy: str, no_proxy: str) -> None:
    """Nothing in the environment raises."""
    found = proxy_for("https://h.example/x", {"all_proxy": proxy, "NO_PROXY": no_proxy})
    if found is not None:
        assert isinstance(proxy_fault(found), str)
