"""What was last seen of each credential: its last error, its limits, when it last answered. Pure.

    {"version": 1, "notes": {"claude-ana.json": {"answered": 1795300000.0,
        "error": {"at": …, "by": "upstream", "kind": "quota", "status": 429, "text": …, "model": …},
        "limits": {"at": …, "windows": [["5 h", 0.42, 1795310000.0]]}}}}

Of two processes that note side by side the newer note of each kind stays. No secret is in it: messages of upstreams
come with keys already taken out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from providers.quotas import Window

VERSION = 1
LONGEST = 300
"""Characters of a message that are kept."""
KEPT = 30 * 86400.0
"""Seconds that a note is kept: longer than any window."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """An error. by: who made it (`upstream`, `cliproxy`). status: of HTTP, 0 if there was none. model: the upstream's
    name, "" where it is about the log-in.
    """

    at: float
    by: str
    kind: str
    text: str
    status: int = 0
    model: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Of one credential. answered: its last good answer, in unix seconds; seen: when `windows` were told."""

    answered: float = 0.0
    error: Trouble | None = None
    windows: tuple[Window, ...] = ()
    seen: float = 0.0

    @property
    def at(self) -> float:
        """When anything was last noted."""
        return max(self.answered, self.seen, self.error.at if self.error else 0.0)


type Notes = Mapping[str, Note]
"""By the id of the credential."""


def shortened(text: str) -> str:
    """A message on one line, of bearable length."""
    line = re.sub(r"\s+", " ", text[: 4 * LONGEST]).strip()
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def merged(one: Note, other: Note) -> Note:
    """The newer of each kind."""
    error = max((each for each in (one.error, other.error) if each), key=lambda each: each.at, default=None)
    limits = max(one, other, key=lambda note: note.seen)
    return Note(max(one.answered, other.answered), error, limits.windows, limits.seen)


def merge(one: Notes, other: Notes, now: float) -> dict[str, Note]:
    """The newer of each kind, for every credential; without what is older than `KEPT`."""
    found = {name: merged(one.get(name, _NONE), other.get(name, _NONE)) for name in {**one, **other}}
    return {name: note for name, note in found.items() if now - note.at < KEPT}


def plain(notes: Notes) -> dict[str, Any]:
    """As it stands in the file."""
    return {"version": VERSION, "notes": {name: _plain(note) for name, note in notes.items()}}


def read_notes(body: object) -> dict[str, Note]:
    """What a file says. Never raises: what is no note is left out."""
    notes = body.get("notes") if isinstance(body, dict) else None
    if not isinstance(notes, dict):
        return {}
    return {name: _note(said) for name, said in notes.items() if isinstance(said, dict)}


def _plain(note: Note) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if note.answered:
        said["answered"] = note.answered
    if (error := note.error) is not None:
        said["error"] = {name: getattr(error, name) for name in Trouble.__slots__}
    if note.windows:
        said["limits"] = {"at": note.seen, "windows": [list(window) for window in note.windows]}
    return said


def _note(said: Mapping[str, Any]) -> Note:
    note = Note(answered=_number(said.get("answered")))
    error, limits = said.get("error"), said.get("limits")
    if isinstance(error, dict) and _number(error.get("at")):
        texts = {name: text for name in ("by", "kind", "text", "model") if isinstance(text := error.get(name, ""), str)}
        if len(texts) == 4:
            note = replace(note, error=Trouble(_number(error["at"]), status=int(_number(error.get("status"))), **texts))
    if isinstance(limits, dict) and isinstance(limits.get("windows"), list):
        windows = tuple(Window(*row) for row in limits["windows"] if _is_window(row))
        note = replace(note, windows=windows, seen=_number(limits.get("at")))
    return note


def _is_window(row: object) -> bool:
    if not isinstance(row, list) or len(row) != 3 or not isinstance(row[0], str):
        return False
    return all(isinstance(each, int | float) and not isinstance(each, bool) for each in row[1:])


_NONE = Note()


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
