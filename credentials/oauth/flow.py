"""Log-ins and refreshes as generators of requests, and the one driver that sends them.

    def refresh(account: Account, client: Client, now: float) -> Steps[Tokens]:
        answer = yield Ask("POST", client.urls["token"], form={"grant_type": "refresh_token", …})
        return tokens_of(answer.json(), now)

So every flow can be tested without a network and run in any host: a script, the proxy, the management API.
"""

import asyncio
import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

TIMEOUT = 30.0
"""Seconds for one request to an authorization server."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. At most one of form and json. What it carries is secret: its repr tells the address only."""

    method: str
    url: str
    form: Mapping[str, str] | None = field(default=None, repr=False)
    json: Any = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = TIMEOUT


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait, in seconds, before going on (device flows)."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. status 0: nothing did (`error` says why)."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    error: str = ""

    @property
    def ok(self) -> bool:
        """A 2xx."""
        return 200 <= self.status < 300

    def json(self) -> dict[str, Any]:
        """The body as an object; {} if it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


type Steps[T] = Generator[Ask | Pause, Answer, T]


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are to an authorization server: client id and secret, and its addresses by name (`token`, `authorize`,
    `device`, …). secret "" where there is none, or none was given.
    """

    id: str
    urls: Mapping[str, str]
    secret: str = field(default="", repr=False)
    scope: str = ""


class Failed(Exception):
    """A log-in or refresh that did not work. The message is for people: what happened, whose fault, what to do; it
    never holds a token. dead: the refresh token will never work again. retry_after: seconds, 0 if unknown.
    """

    def __init__(self, message: str, *, dead: bool = False, retry_after: float = 0.0, code: str = "") -> None:
        super().__init__(message)
        self.dead = dead
        self.retry_after = retry_after
        self.code = code


async def drive[T](steps: Steps[T], *, proxy: str | None = None) -> T:
    """Run a flow. proxy: an URL, or None for a direct connection. Raises what the flow raises (Failed)."""
    async with httpx.AsyncClient(proxy=proxy, trust_env=False, follow_redirects=False) as http:
        try:
            wish = next(steps)
            while True:
                if isinstance(wish, Pause):
                    await asyncio.sleep(wish.seconds)
                    wish = next(steps)
                else:
                    wish = steps.send(await send(http, wish))
        except StopIteration as done:
            result: T = done.value
            return result


async def send(http: httpx.AsyncClient, ask: Ask) -> Answer:
    """Send one request. Never raises for what the network does."""
    try:
        answer = await http.request(
            ask.method, ask.url, data=ask.form, json=ask.json, headers=ask.headers, timeout=ask.timeout
        )
    except httpx.HTTPError as error:
        return Answer(0, error=f"{type(error).__name__}: {error}".rstrip(": "))
    return Answer(answer.status_code, dict(answer.headers), answer.content)
