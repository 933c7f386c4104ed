"""Log-ins and refreshes as generators of requests, and the one driver that sends them.

    def refresh(account: Account, client: Client, now: float) -> Steps[Tokens]:
        answer = yield Ask("POST", client.urls["token"], form={"grant_type": "refresh_token", …})
        return tokens_of(answer.json(), now)

So every flow can be tested without a network and run in any host: a script, the proxy, the management API.
"""

import asyncio
import json
import logging
import ssl
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx

from providers.address import USER_AGENT

for _name in ("httpx", "httpcore"):  # they log addresses, and one vendor wants a token in its address
    logging.getLogger(_name).setLevel(logging.WARNING)

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

    def secrets(self) -> set[str]:
        """What must not be repeated to anybody, should the server do so."""
        members = {**(self.form or {}), **(self.json if isinstance(self.json, dict) else {})}
        found = {value for name, value in members.items() if name in _SECRET and isinstance(value, str)}
        headers = {name.lower(): value for name, value in self.headers.items()}
        found |= {headers.get("authorization", "").rpartition(" ")[2], headers.get("cookie", "")}
        return {value for value in found if len(value) >= _SHORTEST}


_SECRET = frozenset(
    {"code", "client_secret", "code_verifier", "refresh_token", "device_code", "device_auth_id", "assertion"}
)
_SHORTEST = 4
"""Letters. What is shorter is no secret, and would take pieces out of words."""


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
    `device`, …). secret "" where there is none, or none was given; missing: what to say then, "" if none is wanted.

    key, title: of the provider. redirect: the registered address a browser comes back to; moves: with any port.
    """

    id: str
    urls: Mapping[str, str]
    secret: str = field(default="", repr=False)
    scope: str = ""
    key: str = ""
    title: str = ""
    redirect: str = ""
    moves: bool = False
    missing: str = ""


class Failed(Exception):
    """A log-in or refresh that did not work. The message is for people: what happened, whose fault, what to do; it
    never holds a token. dead: the refresh token will never work again. retry_after: seconds, 0 if unknown.
    """

    def __init__(self, message: str, *, dead: bool = False, retry_after: float = 0.0, code: str = "") -> None:
        super().__init__(message)
        self.dead = dead
        self.retry_after = retry_after
        self.code = code


async def drive[T](
    steps: Steps[T], *, proxy: str | None = None, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> T:
    """Run a flow. proxy: an URL, or None for a direct connection. pause: waits so many seconds.

    Raises what the flow raises (Failed). Nothing that was sent as a secret stays in its message.
    """
    sent: set[str] = set()
    headers = {"user-agent": USER_AGENT}
    async with httpx.AsyncClient(
        proxy=proxy, trust_env=False, follow_redirects=False, headers=headers, verify=_trusted()
    ) as http:
        try:
            wish = next(steps)
            while True:
                if isinstance(wish, Pause):
                    await pause(wish.seconds)
                    wish = next(steps)
                else:
                    sent |= wish.secrets()
                    wish = steps.send(await send(http, wish))
        except StopIteration as done:
            result: T = done.value
            return result
        except Failed as failed:
            failed.args = (_without(str(failed), sent),)
            raise


def _without(text: str, secrets: set[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "…")
    return text


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates we trust; to read them takes a while, and holds up the loop."""
    return httpx.create_ssl_context(trust_env=False)


async def send(http: httpx.AsyncClient, ask: Ask) -> Answer:
    """Send one request. Never raises for what the network does."""
    try:
        answer = await http.request(
            ask.method, ask.url, data=ask.form, json=ask.json, headers=ask.headers, timeout=ask.timeout
        )
    except httpx.HTTPError as error:
        return Answer(0, error=f"{type(error).__name__}: {error}".rstrip(": "))
    return Answer(answer.status_code, dict(answer.headers), answer.content)
