"""The keys of our own clients: where they may stand, and how they are masked.

Clients put a key in one of five places; each value presented is tried (a wrong `Authorization` beside a right `X-Api-
Key` passes).
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from urllib.parse import unquote_plus

from mitmproxy import http

from credentials.model import Secret

HEADERS = ("authorization", "x-goog-api-key", "x-api-key")
_IN_QUERY = re.compile(r"([?&](?:key|auth_token)=)([^&#]*)")
MASK = "[client key]"


def take(request: http.Request) -> tuple[str, ...]:
    """Give the keys a request presents, in the order they are tried, and put masks in their places."""
    found: list[str] = []
    for name in HEADERS:
        value = request.headers.get(name, "").strip()
        if not value:
            continue
        scheme, _, token = value.partition(" ")
        if name == "authorization" and scheme.lower() == "bearer":
            found.append(token.strip())
            request.headers[name] = f"Bearer {MASK}"
        else:
            found.append(value)
            request.headers[name] = MASK
    if "?" in request.path:
        found += [unquote_plus(match.group(2)) for match in _IN_QUERY.finditer(request.path)]
        request.path = _IN_QUERY.sub(r"\1masked", request.path)
    return tuple(key for key in found if key)


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
