"""A real authorization server on 127.0.0.1, by authlib: proof keys are verified, codes are good once, refresh tokens
rotate, device codes are polled too fast, denied and outlived. Its clock is the test's.

A Shape says in what a vendor's server differs. What the vendor would not expect is kept in `violations`.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Self
from urllib.parse import parse_qs, urlsplit

from tests.upstreams.grants import (
    Asked,
    Code,
    Given,
    Pending,
    Registered,
    Reply,
    Request,
    Server,
    Shape,
    answer,
    jwt,
)

__all__ = ["Asked", "FakeAuthorization", "Reply", "Shape", "answer", "jwt"]

# --- the server -----------------------------------------------------------------------------------------------------


class FakeAuthorization:
    """Listens while its block lasts. clock: unix seconds, the test's own.

    denies: the person says no. agrees_after: at which poll the person has made up their mind (device). hurried: so many
    polls are answered with slow_down. routes: further paths, as functions.
    """

    def __init__(self, shape: Shape, clock: Callable[[], float], redirects: set[str] | None = None) -> None:
        self.shape, self.clock = shape, clock
        self.client = Registered(shape, redirects or set())
        self.denies, self.agrees_after, self.hurried, self.valid = False, 1, 0, 900.0
        self.seen: list[Asked] = []
        self.violations: list[str] = []
        self.codes: dict[str, Code] = {}
        self.pending: dict[str, Pending] = {}
        self.given: dict[str, Given] = {}
        self.access: set[str] = set()
        self.routes: dict[str, Callable[[Asked], Reply]] = {
            "/authorize": self.authorize,
            "/token": self.token,
            "/device": self.device,
        }
        self.port = 0
        self._server = Server(self)
        self._listening: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """The address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._listening = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._listening.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._listening is not None
        self._listening.close()
        await self._listening.wait_closed()
        assert not self.violations

    def give_refresh(self, token: str, scope: str = "") -> None:
        """A refresh token that was given out before."""
        self.given[token] = Given(token, scope)

    def bearer(self, asked: Asked) -> bool:
        """Whether a request carries a token that was given out here."""
        return asked.headers.get("authorization", "").removeprefix("Bearer ") in self.access

    def authorize(self, asked: Asked) -> Reply:
        """The page: whoever opens it agrees (or denies) at once, and is sent back."""
        data = dict(asked.query)
        if "redirect" in data:  # iFlow's own spelling
            data |= {"redirect_uri": data.pop("redirect"), "response_type": "code"}
        if self.shape.proof and data.get("code_challenge_method") != "S256":
            self.violations.append("authorize: no proof key")
        request = Request(asked, self.url, data)
        grant = self._server.get_consent_grant(request, "ana")
        return self._server.create_authorization_response(request, None if self.denies else "ana", grant)

    def token(self, asked: Asked) -> Reply:
        """The token endpoint."""
        kind = asked.headers.get("content-type", "").partition(";")[0]
        wanted = "application/json" if self.shape.body == "json" else "application/x-www-form-urlencoded"
        if kind != wanted:
            self.violations.append(f"token: {kind} in place of {wanted}")
        data = asked.data
        grant = data.get("grant_type", "")
        usual = {"grant_type", "client_id", "client_secret", "code", "redirect_uri", "code_verifier", "refresh_token"}
        if stray := set(data) - usual - {"device_code"} - self.shape.parameters:
            self.violations.append(f"token: unknown {sorted(stray)}")
        code = self.codes.get(data.get("code", ""))
        if code is not None and "state" in self.shape.parameters and data.get("state") != code.state:
            self.violations.append("token: the state is another one")
        if self.shape.basic and data.get("client_secret") != self.shape.secret:
            return answer(401, {"error": "invalid_client"})
        if lacking := [name for name in self.shape.headers if not asked.headers.get(name)]:
            self.violations.append(f"token: without {lacking}")
        status, _, raw = self._server.create_token_response(Request(asked, self.url, data))
        body = json.loads(raw)
        if status != 200:
            return answer(*self.shape.fails(status, body))
        return answer(200, body | self.shape.answers(self, grant))

    def device(self, asked: Asked) -> Reply:
        """The device authorization endpoint."""
        request = Request(asked, self.url, asked.data)
        status, headers, raw = self._server.create_endpoint_response("device_authorization", request)
        if status == 200:
            pending = list(self.pending.values())[-1]
            pending.challenge = asked.data.get("code_challenge", "")
            if self.shape.proof and not pending.challenge:
                self.violations.append("device: no proof key")
        return status, headers, raw

    def give_device_code(self, device_code: str, user_code: str, scope: str) -> Pending:
        """Remember a device code. The first poll may come at once."""
        now = self.clock()
        self.pending[device_code] = Pending(
            device_code, user_code, self.shape.client_id, scope, "", now + self.valid, 5.0, now, clock=self.clock
        )
        return self.pending[device_code]

    def poll(self, user_code: str) -> bool:
        """Whether the person has made up their mind. A poll that comes too early is a violation."""
        pending = next(one for one in self.pending.values() if one.user_code == user_code)
        now = self.clock()
        if now < pending.next:
            self.violations.append(f"device: polled {pending.next - now:.1f} s too early")
        pending.polls += 1
        pending.next = now + pending.interval
        return pending.polls > self.agrees_after + self.hurried

    def slows_down(self, pending: Pending) -> bool:
        """The first `hurried` polls were too many."""
        if pending.polls > self.hurried:
            return False
        pending.interval = self.shape.slower(pending.interval)
        pending.next = self.clock() + pending.interval
        return True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, target, _ = head[0].split(" ")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
            }
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            url = urlsplit(target)
            query = {name: several[0] for name, several in parse_qs(url.query).items()}
            asked = Asked(method, url.path, query, headers, body)
            self.seen.append(asked)
            route = self.routes.get(url.path)
            status, out, raw = route(asked) if route is not None else answer(404, {"error": "no such path"})
            lines = "".join(f"{name}: {value}\r\n" for name, value in out.items())
            start = f"HTTP/1.1 {status} X\r\n{lines}content-length: {len(raw)}\r\nconnection: close\r\n\r\n"
            writer.write(start.encode() + raw)
            await writer.drain()
        finally:
            writer.close()
