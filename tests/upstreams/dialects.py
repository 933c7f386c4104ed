"""What a dialect of the fake upstream brings, and what it makes of a request."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.upstreams.answers import Answer

CREDENTIALS = ("authorization", "x-api-key", "x-goog-api-key", "proxy-authorization", "cookie", "x-management-key")
"""Headers that may carry a secret: exactly one of them may reach an upstream."""


@dataclass
class Understood:
    """What a request said, in words of no dialect: what tests ask about.

    texts: (role, text) of every visible text, in order. images: decoded bytes. calls: (id, name, arguments).
    results: (id, text). seals: opaque reasoning state. tools: the names offered. choice, thinking: as sent.
    """

    system: list[str] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    images: list[bytes] = field(default_factory=list)
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    results: list[tuple[str, str]] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    seals: list[str] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)
    choice: Any = None
    thinking: Any = None
    schema: Any = None
    limit: int | None = None
    stops: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Asked:
    """A request as the server recognised it. verb: "generate", "count"."""

    dialect: str
    verb: str
    model: str
    stream: bool
    headers: dict[str, str]
    query: dict[str, str]
    body: dict[str, Any]
    lenient: bool = False
    path: str = ""


@dataclass(frozen=True)
class FakeDialect:
    """One dialect: `key` finds the credential (None: not where it belongs), `check` lists what the vendor would refuse.

    frames: a streamed answer, one element an event as it stands on the wire. failure: status and words → a body.
    in_band: an error inside a stream that has begun.
    """

    name: str
    key: Callable[[dict[str, str]], str | None]
    check: Callable[[Asked], list[str]]
    understand: Callable[[dict[str, Any]], Understood]
    whole: Callable[[Answer, Asked], bytes]
    frames: Callable[[Answer, Asked], list[bytes]]
    count: Callable[[int], bytes]
    failure: Callable[[int, str, str], bytes]
    in_band: Callable[[str], bytes]


def packed(value: Any) -> bytes:
    """Compact JSON. U+2028 is escaped, as vendors do: older Google libraries take it for the end of a line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("\u2028", "\\u2028").encode()


def seal(vendor: str, text: str) -> str:
    """Opaque bytes only `vendor`'s fake can open, in base64."""
    return base64.b64encode(f"fake:{vendor}:{text}".encode()).decode()


def opens(vendor: str, sealed: str) -> bool:
    """Whether a seal was made by `vendor`'s fake."""
    try:
        return base64.b64decode(sealed.replace("-", "+").replace("_", "/")).startswith(f"fake:{vendor}:".encode())
    except ValueError:
        return False


def bearer(headers: dict[str, str]) -> str | None:
    """The key of an Authorization header."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key if scheme.lower() == "bearer" and key else None


def text_of(content: Any) -> str:
    """All text in a content that may be a string or a list of parts."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or [] if isinstance(part, dict))
