"""The dialects, written out. Adding one is a folder and a line here; a file of the user's own adds one with `register`,
or changes what happens between two with `between` (examples/, and `extensions` in the config).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps

from translators import routes
from translators.antigravity import DIALECT as ANTIGRAVITY
from translators.claude import DIALECT as CLAUDE
from translators.codex import DIALECT as CODEX
from translators.dialect import Aim, Dialect, Outgoing
from translators.errors import UNDECODABLE, Unreadable
from translators.events import Event
from translators.gemini import DIALECT as GEMINI
from translators.gemini_cli import DIALECT as GEMINI_CLI
from translators.losses import Ledger
from translators.model import Request
from translators.openai_chat import DIALECT as OPENAI_CHAT
from translators.openai_completions import DIALECT as OPENAI_COMPLETIONS
from translators.openai_responses import DIALECT as OPENAI_RESPONSES
from translators.xai import DIALECT as XAI


def _refusing[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """The function, with Unreadable for whatever is found, however deep inside, to be no JSON or of the wrong type."""

    @wraps(function)
    def refusing(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except UNDECODABLE as error:
            raise Unreadable(str(error)) from error

    return refusing


def _careful(dialect: Dialect) -> Dialect:
    """The dialect behind a border where bad bytes are Unreadable; of streams, see StreamReader.feed."""
    return replace(
        dialect,
        read_request=_refusing(dialect.read_request),
        write_request=_refusing(dialect.write_request),
        read_reply=_refusing(dialect.read_reply),
    )


DIALECTS: dict[str, Dialect] = {
    dialect.name: _careful(dialect)
    for dialect in (
        CLAUDE,
        GEMINI,
        OPENAI_CHAT,
        OPENAI_RESPONSES,
        OPENAI_COMPLETIONS,
        CODEX,
        XAI,
        GEMINI_CLI,
        ANTIGRAVITY,
    )
}

SPOKEN = tuple(name for name, dialect in DIALECTS.items() if not dialect.variant_of)
"""The built-in dialects that clients speak; the others are variants that only an upstream does."""


@dataclass(frozen=True, slots=True)
class Between:
    """What one pair of dialects does its own way; what is left out stays as it is.

    request: changes the client's request before the upstream's dialect writes it; what it drops it tells the ledger.
    outgoing: changes what was written. events: makes, for each answer, a function that changes its events before the
    client's dialect writes them; it must keep their order legal (events.Order).
    """

    request: Callable[[Request, Aim, Ledger], Request] | None = None
    outgoing: Callable[[Outgoing, Aim, Ledger], Outgoing] | None = None
    events: Callable[[], Callable[[list[Event]], list[Event]]] | None = None


BETWEEN: dict[tuple[str, str], Between] = {}
"""Overridden pairs: (client, upstream)."""


def register(dialect: Dialect, *, client_path: str = "") -> None:
    """Add a dialect, at the start.

    Upstreams that speak it: an `openai-compatibility` entry of the config with `dialect: NAME`; they are asked at
    `dialect.path` below their base URL. client_path: where clients that speak it POST to us ("" if none do).
    Raises ValueError for a name or a path that is taken by another dialect.
    """
    if dialect.name in DIALECTS:
        raise ValueError(f"there is a dialect {dialect.name!r} already")
    if client_path:
        routes.add(client_path, dialect.name)
    DIALECTS[dialect.name] = _careful(dialect)


def between(client: str, upstream: str, change: Between) -> None:
    """Override a pair, at the start. Raises ValueError for an unknown dialect or a pair that is overridden already."""
    for name in (client, upstream):
        if name not in DIALECTS:
            raise ValueError(f"there is no dialect {name!r}; known: {', '.join(DIALECTS)}")
    if BETWEEN.setdefault((client, upstream), change) is not change:
        raise ValueError(f"{client} to {upstream} is overridden already")
