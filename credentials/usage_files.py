"""Counts and notes beside the accounts: one file a day, one for the notes; several processes may add to them.

<auth-dir>/.cliproxy/usage/2026-11-20.json    attempts and tokens of a day (usage.py), for a month
<auth-dir>/.cliproxy/notes.json               last errors and limits (notes.py)
"""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from credentials.files import HIDDEN, explained, folder_held, hidden_folder, replace_file
from credentials.notes import Note, Notes, merge, plain, read_notes
from credentials.usage import Counts, read_counts

FOLDER, NOTES = "usage", "notes.json"
DAYS = 31
"""Files of days that are kept."""


def day_in(folder: Path, day: str) -> Counts:
    """What an auth directory has of a day. Never raises."""
    return read_counts(_json(folder / HIDDEN / FOLDER / f"{day}.json"))


def notes_in(folder: Path) -> dict[str, Note]:
    """The notes of an auth directory. Never raises."""
    return read_notes(_json(folder / HIDDEN / NOTES))


def add(folder: Path, days: Mapping[str, Counts], fresh: Notes, now: float) -> None:
    """Add counts and notes to what the files say. folder: there already. Raises Unavailable; then nothing that was
    not written before may be taken for written.
    """
    with folder_held(folder), explained("write in", folder / HIDDEN):
        place = hidden_folder(folder, FOLDER)
        if fresh:
            body = plain(merge(notes_in(folder), fresh, now))
            replace_file(folder / HIDDEN / NOTES, _bytes(body))
        for day, new in days.items():
            path = place / f"{day}.json"
            counts = read_counts(_json(path))
            counts.merge(new)
            begins = not path.exists()
            replace_file(path, _bytes(counts.plain(day)))
            if begins:
                _forget(place, day)


def _forget(place: Path, today: str) -> None:
    """Delete the files of days long past."""
    oldest = (date.fromisoformat(today) - timedelta(days=DAYS)).isoformat()
    for path in place.glob("????-??-??.json"):
        if path.stem < oldest:
            path.unlink(missing_ok=True)


def _bytes(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
