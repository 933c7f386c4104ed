"""A strict token endpoint: every refresh token works once, and one that comes again ends its whole log-in.

grace: as some vendors do, the last spent token is answered again with what it has bought, until its successor is used.
"""

import asyncio
import json
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs


@dataclass
class LogIn:
    """One grant: the refresh token in force, the one before, and whether it still lives."""

    current: str
    before: str = ""
    answer: dict[str, Any] = field(default_factory=dict)
    count: int = 0
    alive: bool = True


class TokenServer:
    """Listens on 127.0.0.1. asked: refresh tokens in the order they came. refuse: (status, headers, body) for all."""

    def __init__(self, *, grace: bool = False, rotates: bool = True, delay: float = 0.0) -> None:
        self.grace = grace
        self.rotates = rotates
        self.delay = delay
        self.expires_in = 3600  # the first time; later tokens end later
        self.refuse: tuple[int, dict[str, str], dict[str, Any]] | None = None
        self.asked: list[str] = []
        self.log_ins: dict[str, LogIn] = {}
        self.url = ""

    def add(self, name: str) -> LogIn:
        """A log-in whose first refresh token is `rt-NAME-0` and whose first access token is `at-NAME-0`."""
        self.log_ins[name] = LogIn(f"rt-{name}-0")
        return self.log_ins[name]

    async def __aenter__(self) -> "TokenServer":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}/token"
        return self

    async def __aexit__(self, kind: type | None, error: BaseException | None, where: TracebackType | None) -> None:
        self._server.close()
        self._server.close_clients()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                status, extra, answer = self._answer(lines[0], headers, body)
                if self.delay:
                    await asyncio.sleep(self.delay)
                content = json.dumps(answer).encode()
                told = "".join(f"{name}: {value}\r\n" for name, value in extra.items())
                writer.write(
                    f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{told}"
                    f"content-length: {len(content)}\r\n\r\n".encode()
                    + content
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, line: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        assert line.startswith("POST /token ")
        assert headers["content-type"] == "application/x-www-form-urlencoded"
        assert form["grant_type"] == "refresh_token"
        token = form["refresh_token"]
        self.asked.append(token)
        if self.refuse is not None:
            return self.refuse
        log_in = self.log_ins[token.split("-")[1]]
        if log_in.alive and token == log_in.current:
            self._rotate(token.split("-")[1], log_in)
            return 200, {}, log_in.answer
        if log_in.alive and self.grace and token == log_in.before:
            return 200, {}, log_in.answer
        log_in.alive = False
        return 400, {}, {"error": "invalid_grant", "error_description": "the refresh token was used before"}

    def _rotate(self, name: str, log_in: LogIn) -> None:
        log_in.count += 1
        log_in.answer = {"access_token": f"at-{name}-{log_in.count}", "expires_in": self.expires_in + 10 * log_in.count}
        if self.rotates:
            log_in.before, log_in.current = log_in.current, f"rt-{name}-{log_in.count}"
            log_in.answer["refresh_token"] = log_in.current
