"""Field case 26: a proxy setting that the HTTP client cannot use, with one alert pending."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.faults.process import eventually
from tests.field.box import FIXTURES, box, endpoint


def environments() -> list[dict[str, str]]:
    """The settings of both cases, as they stand in the file."""
    rows = (FIXTURES / "26" / "env.sh").read_text().splitlines()
    return [dict(word.split("=", 1) for word in shlex.split(row.partition("export ")[2])) for row in rows]


@pytest.mark.parametrize("environment", environments(), ids=lambda found: "+".join(found))
def test_loopback_needs_no_proxy(tmp_path: Path, environment: dict[str, str]) -> None:
    """An endpoint on this machine is told of a test and of an alert, and the daemon goes on."""
    with endpoint() as hook, box(tmp_path, **environment) as here:
        here.session("alpha")
        here.session("beta", uuid="u-beta")
        here.tmux.run("kill-session", "-t", "=beta")
        here.serve(webhook_url=hook.url)
        here.daemon.start()
        answer = here.daemon.request("POST", "/api/webhook/test").json()
        assert (answer["ok"], answer["status"]) == (True, 204)
        eventually(lambda: any(body["alert"] == "tmux_dead" for _, body in hook.got), what="the alert")
        assert here.daemon.get("/health")["status"] == "ok"
        assert here.daemon.stop()[0] == 0


@pytest.mark.parametrize("url", ["http://webhook.invalid/hook", "https://webhook.invalid/hook"])
def test_elsewhere_the_setting_is_named(tmp_path: Path, url: str) -> None:
    """A host that needs the proxy: the test says so, alerts are tried and listed, /health names it."""
    with box(tmp_path, ALL_PROXY="socks5h://user:pw@127.0.0.1:1080") as here:
        here.session("alpha")
        here.tmux.run("kill-session", "-t", "=alpha")
        here.serve(webhook_url=url)
        here.daemon.start()
        answer = here.daemon.request("POST", "/api/webhook/test").json()
        assert not answer["ok"]
        assert "ALL_PROXY=socks5h://127.0.0.1:1080" in answer["error"]

        def tries() -> int:
            return sum(d["tries"] for d in here.daemon.get("/api/webhook/deliveries")["deliveries"])

        eventually(lambda: tries() >= 3, what="three tries")
        (delivery,) = here.daemon.get("/api/webhook/deliveries")["deliveries"]
        assert (delivery["alert"], delivery["status"], delivery["last_error"]) == (
            "tmux_dead",
            "pending",
            answer["error"],
        )
        health = here.daemon.get("/health")
        assert "ALL_PROXY" in health["components"]["webhook"]
        assert not any(health["restarts"].values())
        assert "pw" not in here.daemon.said()
        assert here.daemon.stop()[0] == 0
        here.daemon.start()  # with the alert still waiting
        eventually(lambda: tries() >= 4, what="a try after the restart")
        assert here.daemon.stop()[0] == 0
