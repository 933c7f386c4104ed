"""Noticing that the config file changed. When a change counts is decided in `credentials/watch.py`."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from credentials.store import revision_of
from credentials.watch import INTERVAL, Changes, stamp_of


class Watcher:
    """Calls `on_change` with the new content of the file at `path`, once a change.

    applied: the content in use, so that a change before the first look is seen, too. `on_change` runs in the loop's
    thread and must not raise: what it raises ends the watch.
    """

    def __init__(self, path: Path, on_change: Callable[[bytes], None], applied: bytes | None = None) -> None:
        self._path = path
        self._on_change = on_change
        self._changes = Changes(revision_of(applied) if applied is not None else "")

    def look(self, now: float) -> None:
        """Look once."""
        try:
            if not self._changes.seen(stamp_of(self._path), now):
                return
            content = self._path.read_bytes()
        except OSError:  # it went away, or is being replaced at this moment: the next look tells
            return
        if self._changes.content(content):
            self._on_change(content)

    async def run(self, interval: float = INTERVAL) -> None:
        """Look again and again, until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            self.look(clock())
            await asyncio.sleep(interval)
