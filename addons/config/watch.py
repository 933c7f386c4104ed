"""Noticing that the config file changed: looked at several times a second, taken up when it has come to rest.

Editors write in steps (empty it, fill it, or rename another over it). So a change counts when nothing has moved for
150 ms, an empty file never counts, and what is compared in the end is the content.
"""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

QUIET = 0.150  # seconds without a change, as CLIProxyAPI waits
INTERVAL = 0.25  # seconds between two looks


class Stamp(NamedTuple):
    """What `stat` tells of a file's state without reading it."""

    modified: int
    size: int
    inode: int


class Changes:
    """Decides when to read a file and whether its content is news. Knows no clock and no disk.

    applied: the content in use, None if there is none yet. Times are seconds of any steady clock.
    """

    def __init__(self, applied: bytes | None = None, quiet: float = QUIET) -> None:
        self._digest = _digest(applied) if applied is not None else ""
        self._quiet = quiet
        self._stamp: Stamp | None = None
        self._looked = False
        self._since: float | None = None

    def seen(self, stamp: Stamp | None, now: float) -> bool:
        """Tell what the file looks like now (None: it is not there). True means: read it and call `content`."""
        if stamp != self._stamp or not self._looked:
            self._stamp, self._looked, self._since = stamp, True, now
        if stamp is None or self._since is None:
            return False
        return now - self._since >= self._quiet

    def content(self, content: bytes) -> bool:
        """Tell what was read. True means: it is news, and not nothing.

        What was told once is not news again, be it good or bad: a bad file is complained about once.
        """
        self._since = None
        if not content.strip():
            return False
        digest = _digest(content)
        if digest == self._digest:
            return False
        self._digest = digest
        return True


class Watcher:
    """Calls `on_change` with the new content of the file at `path`, once a change.

    applied: the content in use, so that a change before the first look is seen, too. `on_change` runs in the loop's
    thread and must not raise: what it raises ends the watch.
    """

    def __init__(self, path: Path, on_change: Callable[[bytes], None], applied: bytes | None = None) -> None:
        self._path = path
        self._on_change = on_change
        self._changes = Changes(applied)

    def look(self, now: float) -> None:
        """Look once."""
        try:
            if not self._changes.seen(_stamp(self._path), now):
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


def _stamp(path: Path) -> Stamp | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return Stamp(stat.st_mtime_ns, stat.st_size, stat.st_ino)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
