"""When two requests are the same request: what they ask, without what their clients make up anew each time."""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from addons.inspection.json_diff import ABSENT, Row, differences, parsed
from translators.routes import Call


class Member(NamedTuple):
    """A member that is not compared. path: names from the top, `*` for every item of a list. why: what it holds."""

    path: tuple[str, ...]
    why: str


MEMBERS: dict[str, tuple[Member, ...]] = {
    "claude": (Member(("metadata", "user_id"), "device, account and session of the client"),),
    "openai-chat": (
        Member(("user",), "who asks"),
        Member(("safety_identifier",), "who asks"),
        Member(("prompt_cache_key",), "the conversation's id"),
        Member(("metadata",), "the client's own notes"),
    ),
    "openai-completions": (Member(("user",), "who asks"),),
    "openai-responses": (
        Member(("user",), "who asks"),
        Member(("safety_identifier",), "who asks"),
        Member(("prompt_cache_key",), "the conversation's id"),
        Member(("metadata",), "the client's own notes"),
        Member(("client_metadata",), "ids of thread and turn"),
        Member(("input", "*", "id"), "made by the client for its own items; calls and results have call_id"),
    ),
    "gemini": (Member(("labels",), "the client's own notes"),),
}
"""By the client's dialect; seen with Claude Code, Codex, opencode, Qwen Code and the vendors' SDKs in November 2026."""


class Wording(NamedTuple):
    """A stretch of a text that stands for something else each time. put: what is compared in its place."""

    pattern: re.Pattern[str]
    put: str
    why: str


WORDINGS = (
    Wording(
        re.compile(r"x-anthropic-billing-header: [^\n]*"), "x-anthropic-billing-header:", "digits of prompt and version"
    ),
    Wording(
        re.compile(r"(?i)((?:to)?day'?s? date(?: is)?:? |<current_date>)[\w/., -]*\d"), r"\1", "the day of the request"
    ),
)
"""In every text of a body."""


def normal(dialect: str, body: bytes) -> Any:
    """A parsed body as it is compared; a body that is no JSON as its text."""
    value = parsed(body)
    if value is ABSENT:
        return body.decode(errors="backslashreplace")
    value = _worded(value)
    for member in MEMBERS.get(dialect, ()):
        _drop(value, member.path)
    return value


def _worded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _worded(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_worded(item) for item in value]
    if isinstance(value, str):
        for wording in WORDINGS:
            value = wording.pattern.sub(wording.put, value)
    return value


def _drop(value: Any, path: tuple[str, ...]) -> None:
    first, *rest = path
    if first == "*":
        for item in value if isinstance(value, list) else ():
            _drop(item, tuple(rest))
    elif isinstance(value, dict):
        if not rest:
            value.pop(first, None)
        elif first in value:
            _drop(value[first], tuple(rest))


def mark(call: Call, body: Any) -> bytes:
    """What is equal for equal requests. body: in its normal form."""
    return msgspec.json.encode([list(call), body], order="deterministic")


LOOKED_AT = 50
"""Recordings of the same kind among which the nearest is looked for; the latest of them."""


def nearest[T](call: Call, body: Any, among: Iterable[tuple[T, Call, Any]]) -> tuple[T, list[Row]] | None:
    """The one that differs in the fewest places, and those places (before: recorded). None if there is none."""
    ranked = sorted(among, key=lambda one: (one[1][:2] == call[:2], one[1] == call))[-LOOKED_AT:]
    found: tuple[T, list[Row]] | None = None
    for one, its_call, its_body in reversed(ranked):
        rows = [
            Row(name, before, after)
            for name, before, after in zip(Call._fields, its_call, call, strict=True)
            if before != after
        ]
        rows += differences(its_body, body)
        if found is None or len(rows) < len(found[1]):
            found = one, rows
    return found
