"""The keys of our own clients: where they may stand, and how they are masked.

Clients put a key in one of five places; each value presented is tried (a wrong `Authorization` beside a right `X-Api-
Key` passes).
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote_plus

from mitmproxy import http

from credentials.model import Secret

HEADERS = ("authorization", "x-goog-api-key", "x-api-key")
_IN_QUERY = re.compile(r"([?&](?:key|auth_token)=)([^&#]*)")
MASK = "[client key]"


class Arrival(NamedTuple):
    """A request as it came: the keys it presented, in the order they are tried, and its headers without them (names in
    lower case, one value a name).
    """

    keys: tuple[str, ...]
    headers: dict[str, str]


def take(request: http.Request) -> Arrival:
    """Take the keys out of a request, and put masks in their places."""
    found: list[str] = []
    headers = {
        name.decode("latin-1").lower(): value.decode("utf-8", "surrogateescape")
        for name, value in request.headers.fields
    }
    for name in HEADERS:
        value = headers.get(name, "").strip()
        if not value:
            if name in headers:  # one of several may still hold a key
                request.headers[name] = ""
            continue
        scheme, _, token = value.partition(" ")
        if name == "authorization" and scheme.lower() == "bearer":
            found.append(token.strip())
            headers[name] = request.headers[name] = f"Bearer {MASK}"
        else:
            found.append(value)
            headers[name] = request.headers[name] = MASK
    if "?" in request.path:
        found += [unquote_plus(match.group(2)) for match in _IN_QUERY.finditer(request.path)]
        request.path = _IN_QUERY.sub(r"\1masked", request.path)
    return Arrival(tuple(key for key in found if key), headers)


class Keys:
    """The configured client keys. Compares in constant time, all of them, whatever matches."""

    def __init__(self, keys: Iterable[Secret]) -> None:
        self._digests = [hashlib.sha256(key.reveal().encode()).digest() for key in keys]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def who(self, presented: Iterable[str]) -> int | None:
        """The number (from 1) of the configured key that is among those presented; None if none is."""
        match: int | None = None
        for value in presented:
            digest = hashlib.sha256(value.encode(errors="surrogateescape")).digest()
            for number, known in enumerate(self._digests, 1):
                if hmac.compare_digest(digest, known) and match is None:
                    match = number
        return match
