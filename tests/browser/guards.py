"""What no journey may do: report an error, break the content security policy, or talk to another host."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, Request, Response

WATCH_POLICY = """
addEventListener('securitypolicyviolation', (event) =>
  console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI} in ${event.sourceFile}`));
"""
"""Runs in every page before its own scripts: a violation becomes a console error."""


class Guard:
    """Collects what went wrong in a page; `check` fails the test with all of it."""

    def __init__(self, page: Page, origin: str) -> None:
        self.problems: list[str] = []
        self._origin = origin
        self._expected: set[int] = set()
        self._outage = False
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.problems.append(f"script error: {error}"))
        page.on("request", self._request)
        page.on("response", self._response)

    def expect(self, *statuses: int) -> None:
        """Answers with these statuses belong to the journey."""
        self._expected |= set(statuses)

    def expect_outage(self) -> None:
        """The daemon will be away for a while: refused connections belong to the journey."""
        self._outage = True

    def check(self) -> None:
        """Fail if anything went wrong."""
        assert not self.problems, "\n".join(self.problems)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        if "Failed to load resource" in message.text:  # judged by its status below, or by the outage
            if "net::" in message.text and not self._outage:
                self.problems.append(message.text)
            return
        self.problems.append(f"console {message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("data", "blob") or f"{parts.scheme}://{parts.netloc}" == self._origin:
            return
        self.problems.append(f"request to another host: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self._expected:
            self.problems.append(f"{response.status} from {response.request.method} {response.url}")
