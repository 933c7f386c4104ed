"""Noticing that files changed: looked at several times a second, taken up when they have come to rest.

Programs write in steps (empty it, fill it, or rename another over it). So a change counts when nothing has moved for
150 ms, an empty file never counts, and what is compared in the end is the content. A file that is gone counts when it
has stayed away for 50 ms; what comes back before is a change at most.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from credentials.store import Stored, Unavailable, revision_of

QUIET = 0.150  # seconds without a change, as CLIProxyAPI waits
AWAY = 0.050  # seconds without the file, as CLIProxyAPI waits
INTERVAL = 0.25  # seconds between two looks
SHARE = 20  # pauses are so many times as long as a look at least: thousands of files do not keep a core busy


class Stamp(NamedTuple):
    """What `stat` tells of a file's state without reading it."""

    modified: int
    size: int
    inode: int


def stamp_of(path: Path) -> Stamp | None:
    """A file's stamp, links followed; None if it is not there. Raises OSError for any other reason."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return Stamp(stat.st_mtime_ns, stat.st_size, stat.st_ino)


class Changes:
    """Decides when to read a file and whether its content is news. Knows no clock and no disk.

    applied: revision of the content in use, "" if there is none yet. Times are seconds of any steady clock.
    """

    def __init__(self, applied: str = "", quiet: float = QUIET) -> None:
        self._digest = applied
        self._quiet = quiet
        self._stamp: Stamp | None = None
        self._looked = False
        self._since: float | None = None
        self._left = 0.0

    def seen(self, stamp: Stamp | None, now: float) -> bool:
        """Tell what the file looks like now (None: it is not there). True means: read it and call `content`."""
        if stamp != self._stamp or not self._looked:
            self._stamp, self._looked, self._since = stamp, True, now
            self._left = now
        if stamp is None or self._since is None:
            return False
        return now - self._since >= self._quiet

    def gone(self, now: float, away: float = AWAY) -> bool:
        """Whether a file that was in use has been away long enough to count as removed. Said once."""
        if self._stamp is not None or not self._looked or not self._digest or now - self._left < away:
            return False
        self._digest = ""
        return True

    def content(self, content: bytes) -> bool:
        """Tell what was read. True means: it is news, and not nothing.

        What was told once is not news again, be it good or bad: a bad file is complained about once.
        """
        self._since = None
        return bool(content.strip()) and self._news(revision_of(content))

    def revision(self, revision: str) -> bool:
        """The same for whoever knows the revision; "" is no content."""
        self._since = None
        return bool(revision) and self._news(revision)

    @property
    def in_use(self) -> bool:
        """Whether any content was taken up and has not been reported gone since."""
        return bool(self._digest)

    def apply(self, revision: str) -> None:
        """This content is in use (we wrote it ourselves): it is no news."""
        self._digest = revision

    def _news(self, digest: str) -> bool:
        if digest == self._digest:
            return False
        self._digest = digest
        return True


class Watched(Protocol):
    """A folder as the watcher wants it; FileStore is one."""

    def stamps(self) -> Mapping[str, Stamp]:
        """Every file by name. Raises Unavailable."""
        ...

    def read(self, name: str) -> Stored | None:
        """A piece; None if there is none, or it is half written. Raises Unavailable."""
        ...


class Batch(NamedTuple):
    """What one look found: new or changed pieces, and names that are gone. A rename is one of each."""

    written: list[Stored]
    gone: list[str]


class FolderWatcher:
    """Calls `on_change` with what changed in a folder, many changes at once being one call.

    applied: revisions in use, by name. A piece that cannot be read stays as it was: half-written ones until they are
    whole, and `trouble` says why if it is for another reason ("" if all is well); on_trouble is told when that changes.
    `on_change` runs in the loop's thread (under `run`) and must not raise: what it raises ends the watch.
    """

    def __init__(
        self,
        folder: Watched,
        on_change: Callable[[Batch], None],
        applied: Mapping[str, str] | None = None,
        on_trouble: Callable[[str], None] = lambda trouble: None,
    ) -> None:
        self._folder = folder
        self._on_change = on_change
        self._on_trouble = on_trouble
        self._changes = {name: Changes(revision) for name, revision in (applied or {}).items()}
        self.trouble = ""

    def apply(self, name: str, revision: str) -> None:
        """This revision is in use now ("": none): what was written or deleted by ourselves is no news."""
        self._changes.setdefault(name, Changes()).apply(revision)

    def look(self, now: float) -> Batch:
        """Look once. Does not call `on_change`."""
        try:
            stamps = self._folder.stamps()
        except Unavailable as error:
            self.trouble = str(error)
            return Batch([], [])
        troubles: list[str] = []
        names = sorted({*stamps, *list(self._changes)})  # a list: `apply` may add to it meanwhile
        written = [each for name in names if (each := self._read(name, stamps.get(name), now, troubles)) is not None]
        gone = [name for name in names if self._changes[name].gone(now)]
        self._forget(set(names) - set(stamps))
        self.trouble = troubles[0] if troubles else ""
        return Batch(written, gone)

    async def run(self, interval: float = INTERVAL) -> None:
        """Look again and again, until cancelled. The disk is touched in another thread."""
        clock = asyncio.get_running_loop().time
        while True:
            begin, before = clock(), self.trouble
            batch = await asyncio.to_thread(self.look, begin)
            pause = max(interval, SHARE * (clock() - begin))
            if batch.written or batch.gone:
                self._on_change(batch)
            if self.trouble != before:
                self._on_trouble(self.trouble)
            await asyncio.sleep(pause)

    def _read(self, name: str, stamp: Stamp | None, now: float, troubles: list[str]) -> Stored | None:
        changes = self._changes.setdefault(name, Changes())
        if not changes.seen(stamp, now):
            return None
        try:
            stored = self._folder.read(name)
        except Unavailable as error:  # looked at again until it can be read
            troubles.append(str(error))
            return None
        return stored if changes.revision(stored.revision if stored else "") else None

    def _forget(self, missing: Iterable[str]) -> None:
        for name in missing:
            if not self._changes[name].in_use:
                del self._changes[name]
