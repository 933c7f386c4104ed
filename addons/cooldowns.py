"""Rests survive a restart: they are written into the auth directory, and read before the first request.

    <auth-dir>/.cliproxy/cooldowns.json    {"version": 1, "rests": [{"of": "pair", "key": …, "until": …, …}]}

No secret is in it. A directory that is not there is not made for it. Rests for being refused are left out: a start is
when people have mended something, and asking once more costs one request.
"""

import asyncio
import json
import logging
import time
from pathlib import Path
from typing import Any

from addons.settings import Settings
from credentials.files import HIDDEN, explained, folder_held, read_file, replace_file
from credentials.store import Unavailable

log = logging.getLogger(__name__)

FILE = "cooldowns.json"
INTERVAL = 10.0
"""Seconds between two looks whether there is something new to be written."""


class Cooldowns:
    """Writes the pool's rests from time to time, and at the end."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._read = False
        self._written: list[dict[str, Any]] = []
        self._task: asyncio.Task[None] | None = None
        self._complained = False

    def configure(self, _updated: set[str]) -> None:
        """Once, as soon as there is a pool: take over what the last run left."""
        if self._read or self._folder() is None:
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
        """Read the file; gives the number of rests that go on."""
        folder = self._folder()
        if folder is None:
            return 0
        rows = _read(folder / HIDDEN / FILE)
        taken = self.settings.runtime.pool.restore(rows, now)
        self._written = self._rests(now)
        if taken:
            log.info("%d rest%s of the last run go on", taken, "" if taken == 1 else "s")
        return taken

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            await asyncio.to_thread(self._save, self._folder(), self._rests(time.time()))

    def _folder(self) -> Path | None:
        """Where to write; None if that is not wanted."""
        auth_dir, runtime = self.settings.auth_dir, self.settings.runtime
        wanted = runtime is not None and runtime.config.save_cooldown_status and not self.settings.broken
        return auth_dir.folder if wanted and auth_dir is not None else None

    def _rests(self, now: float) -> list[dict[str, Any]]:
        return [row for row in self.settings.runtime.pool.snapshot(now) if not row["hides"]]

    def _save(self, folder: Path | None, rests: list[dict[str, Any]]) -> None:
        if folder is None or not folder.is_dir() or rests == self._written:
            return
        body = json.dumps({"version": 1, "rests": rests}, indent=1).encode()
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


def _read(path: Path) -> list[dict[str, Any]]:
    """The rows of a file; none if it is missing or no such file."""
    try:
        found = read_file(path)
        body = json.loads(found.content) if found is not None else {}
    except (OSError, ValueError, RecursionError):
        return []
    rows = body.get("rests") if isinstance(body, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
