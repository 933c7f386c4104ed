"""The ways to log in, as records of functions; `__init__.py` lists what each provider has.

browser   a page that comes back to an address on this machine, with a code        address → finish
device    a code that a person types in on a page, while we ask again and again      begin → finish
cookie    a cookie of the vendor's own pages
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit, urlunsplit

from credentials.account import Account
from credentials.model import Secret
from credentials.oauth.flow import Client, Failed, Steps

type Clock = Callable[[], float]
"""Gives unix seconds. A log-in waits for a person, so one time at its start would not do."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What chance gives to one log-in. redirect: where the browser comes back to. device: a stable id of this login."""

    state: str
    verifier: Secret
    challenge: str
    redirect: str = ""
    device: str = ""


@dataclass(frozen=True, slots=True)
class Returned:
    """What a browser brings back."""

    code: Secret
    state: str = ""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person may say. label: a name for the account. project: of Google; "ALL" for each one there is.
    location: of Vertex. port: for the callback in place of the usual one.
    """

    label: str = ""
    project: str = ""
    location: str = ""
    cookie: Secret = field(default_factory=lambda: Secret(""))
    port: int = 0


class Found(NamedTuple):
    """An account that was opened, and what its owner should hear about it."""

    account: Account
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """A device log-in that waits for its person. page: where to go (with the code in it, if the server says so).
    token_url: where to ask. expires_in, interval: seconds.
    """

    code: Secret
    user_code: str
    page: str
    token_url: str
    expires_in: float
    interval: float


class Browser(NamedTuple):
    """address: the page to open. finish: from the code to the account."""

    address: Callable[[Client, Ticket], str]
    finish: Callable[[Client, Ticket, Returned, Wishes, Clock], Steps[Found]]


class Device(NamedTuple):
    """begin: ask for a code. finish: wait for the person, then the account."""

    begin: Callable[[Client, Ticket], Steps[Grant]]
    finish: Callable[[Client, Ticket, Grant, Wishes, Clock], Steps[Found]]


@dataclass(frozen=True, slots=True)
class Way:
    """How one provider lets people in. identity: members that tell an account from another of the same type; files
    agree in all of these that both have, and in one at least.
    """

    identity: tuple[str, ...]
    browser: Browser | None = None
    device: Device | None = None
    cookie: Callable[[Client, Wishes, Clock], Steps[Found]] | None = None


def page_of(client: Client, ticket: Ticket, extra: Mapping[str, str]) -> str:
    """The address of the page to open: the parameters of RFC 6749, and the server's own."""
    parameters = {
        "client_id": client.id,
        "response_type": "code",
        "redirect_uri": ticket.redirect,
        "scope": client.scope,
        "state": ticket.state,
    }
    return f"{client.urls['authorize']}?{urlencode(parameters | dict(extra))}"


def proof_key(ticket: Ticket) -> dict[str, str]:
    """The parameters of RFC 7636."""
    return {"code_challenge": ticket.challenge, "code_challenge_method": "S256"}


def redirect_of(client: Client, port: int) -> tuple[str, int]:
    """Where the browser comes back to, and the port to listen on. port 0: the registered one.

    Where the registered address is fixed, another port is only good behind a port forward. Raises Failed.
    """
    parts = urlsplit(client.redirect)
    if not parts.port:
        raise Failed(f"{client.title} has no log-in with a browser", code="no_browser")
    if not port or not client.moves:
        return client.redirect, port or parts.port
    return urlunsplit((parts.scheme, f"{parts.hostname}:{port}", parts.path, "", "")), port


_FOREIGN = re.compile(r"[^\w@.+,-]", re.ASCII)


def file_name(*pieces: str) -> str:
    """A file's name from what identifies an account; empty pieces are left out."""
    kept = [_FOREIGN.sub("-", piece.strip()) for piece in pieces]
    return "-".join(piece for piece in kept if piece) + ".json"


def digest(text: str) -> str:
    """Eight hex digits that stand for a text in a file name."""
    return hashlib.sha256(text.encode()).hexdigest()[:8] if text else ""
