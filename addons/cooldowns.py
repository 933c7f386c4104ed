"""Rests survive a restart: they are written into the auth directory, and read before the first request.

    <auth-dir>/.cliproxy/cooldowns.json    {"version": 1, "at": …, "rests": [{"of": "pair", "key": …, "until": …, …}],
                                            "refused": [{…}]}

No secret is in it. A directory that is not there is not made for it. Rests for being refused are not taken up again: a
start is when people have mended something, and asking once more costs one request. They are written for who looks
from outside (scripts/accounts). What people order from there is followed here (credentials/orders.py).
"""

import asyncio
import json
import logging
import time
from pathlib import Path
from typing import Any, NamedTuple

from addons.settings import Settings
from credentials import orders
from credentials.files import HIDDEN, explained, folder_held, read_file, replace_file
from credentials.store import Unavailable
from credentials.watch import Stamp, stamp_of

log = logging.getLogger(__name__)

FILE = "cooldowns.json"
INTERVAL = 5.0
"""Seconds between two looks whether there is something new to be written."""
ATTENTION = 0.5
"""Seconds between two looks whether somebody has given an order."""


class Kept(NamedTuple):
    """What the file says. at: orders given until then have been followed, 0 if there is no file. refused: rests that
    end with a start.
    """

    at: float
    rests: list[dict[str, Any]]
    refused: list[dict[str, Any]]


class Cooldowns:
    """Writes the pool's rests from time to time, and at the end; and follows orders about them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._read = False
        self._written: list[dict[str, Any]] | None = []
        self._task: asyncio.Task[None] | None = None
        self._complained = False
        self._orders: Stamp | None = None
        self._followed: set[str] = set()
        self._obeyed = 0.0

    def configure(self, _updated: set[str]) -> None:
        """Once, as soon as there is a pool: take over what the last run left."""
        if self._read or self.settings.auth_dir is None or self.settings.broken:
            return
        self._read = True
        self.restore(time.time())

    def running(self) -> None:
        """The loop runs: keep the file up to date."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def done(self) -> None:
        """The program ends."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self._save(self._folder(), self._rests(time.time()))

    def restore(self, now: float) -> int:
        """Read the file, and what was ordered since it was written; gives the number of rests that go on."""
        folder, taken, kept = self._folder(), 0, Kept(0.0, [], [])
        if folder is not None:
            kept = read_kept(folder)
            taken = self.settings.runtime.pool.restore(kept.rests, now)
            self._written = None if kept.refused else self._rests(now)  # the file still tells of what ends here
        if taken:
            log.info("%d rest%s of the last run go on", taken, "" if taken == 1 else "s")
        self.obey(now, since=kept.at)
        return taken

    def obey(self, now: float, since: float = 0.0) -> bool:
        """Follow the orders that are new; those given until `since` are in the rests that were read. True if any."""
        auth_dir = self.settings.auth_dir
        if auth_dir is None:
            return False
        self._obeyed = now
        try:
            stamp = stamp_of(auth_dir.folder / HIDDEN / orders.FILE)
        except OSError:
            return False
        if stamp is None or stamp == self._orders:
            return False
        self._orders = stamp
        found = orders.read(auth_dir.folder)
        new = [each for each in found if each.id not in self._followed and each.at > since]
        self._followed = {each.id for each in found}
        if not new:
            return False
        orders.follow(self.settings.runtime.pool, new, now)
        told = ", ".join(f"{each.do} {each.of}" for each in new[:_SHOWN])
        log.info("ordered from outside: %s%s", told, f" and {len(new) - _SHOWN} more" if len(new) > _SHOWN else "")
        return True

    async def _run(self) -> None:
        written = time.monotonic()
        while True:
            await asyncio.sleep(ATTENTION)
            ordered = self.obey(time.time())
            if ordered or time.monotonic() - written >= INTERVAL:
                await asyncio.to_thread(self._save, self._folder(), self._rests(time.time()))
                written = time.monotonic()

    def _folder(self) -> Path | None:
        """Where to write; None if that is not wanted."""
        auth_dir, runtime = self.settings.auth_dir, self.settings.runtime
        wanted = runtime is not None and runtime.config.save_cooldown_status and not self.settings.broken
        return auth_dir.folder if wanted and auth_dir is not None else None

    def _rests(self, now: float) -> list[dict[str, Any]]:
        return self.settings.runtime.pool.snapshot(now)

    def _save(self, folder: Path | None, rests: list[dict[str, Any]]) -> None:
        if folder is None or not folder.is_dir() or rests == self._written:
            return
        parts = {name: [row for row in rests if row["hides"] is hides] for name, hides in _PARTS}
        body = json.dumps({"version": 1, "at": self._obeyed, **parts}, indent=1).encode()
        path = folder / HIDDEN / FILE
        try:
            with folder_held(folder), explained("write", path):
                replace_file(path, body)
        except Unavailable as error:
            if not self._complained:
                log.warning("cooldowns are not kept over a restart: %s", error)
            self._complained = True
        else:
            self._written = rests


_PARTS = (("rests", False), ("refused", True))
_SHOWN = 5


def read_kept(folder: Path) -> Kept:
    """What the file of an auth directory says; nothing if it is missing or no such file."""
    try:
        found = read_file(folder / HIDDEN / FILE)
        body = json.loads(found.content) if found is not None else {}
    except (OSError, ValueError, RecursionError):
        body = {}
    said = body if isinstance(body, dict) else {}
    at = said.get("at")
    parts = [rows if isinstance(rows := said.get(name), list) else [] for name, _ in _PARTS]
    return Kept(
        float(at) if isinstance(at, int | float) else 0.0,
        *([row for row in rows if isinstance(row, dict)] for rows in parts),
    )
