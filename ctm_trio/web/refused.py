"""A request that is answered without asking the app."""

from __future__ import annotations

from ctm_trio.web.answers import error_body


class Refused(Exception):
    """A request that is answered without asking the app."""

    def __init__(self, status: int, code: str, message: str, headers: bytes = b"") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers

    def answer(self) -> bytes:
        """The whole response, which closes the connection."""
        body = error_body(self.code, self.message)
        return (
            b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncache-control: no-store\r\n"
            b"x-content-type-options: nosniff\r\nreferrer-policy: no-referrer\r\n%b"
            b"content-length: %d\r\nconnection: close\r\n\r\n%b"
        ) % (self.status, self.code.replace("_", " ").encode(), self.headers, len(body), body)
