"""The auth directory in use: its accounts are read at the start, and again as their files come, change and go."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from credentials.accounts import NOT_WHOLE, Accounts
from credentials.store import Store, Stored, Unavailable
from credentials.watch import Batch, FolderWatcher, Watched

log = logging.getLogger(__name__)


class Folder(Store, Watched, Protocol):
    """A store whose files can be watched; FileStore is one."""


class AuthDir:
    """The accounts of a folder. changed: called in the loop's thread after `accounts` took up what is new."""

    def __init__(self, folder: Path, store: Folder, changed: Callable[[], None]) -> None:
        self.folder = folder
        self.store = store
        self.accounts = Accounts(store)
        self.accounts.load()
        self._changed = changed
        self._watcher: FolderWatcher | None = None
        self._watching: asyncio.Task[None] | None = None
        if self.accounts.trouble:
            log.error("the accounts of %s cannot be used: %s", folder, self.accounts.trouble)
        for name, why in self.unusable().items():
            log.warning("%s: %s; it is left out", folder / name, why)

    def unusable(self) -> dict[str, str]:
        """The files that cannot be used, with the reason."""
        try:
            others = set() if self.accounts.trouble else {*self.store.stamps()} - {*self.accounts.known}
        except Unavailable:
            others = set()
        return dict(sorted((dict.fromkeys(others, NOT_WHOLE) | self.accounts.bad).items()))

    @property
    def trouble(self) -> str:
        """Why files, or all of them, cannot be read at the moment; "" if they can."""
        return self.accounts.trouble or (self._watcher.trouble if self._watcher is not None else "")

    def watch(self) -> None:
        """Begin to look for changes, if that has not begun yet."""
        if self._watching is None:
            watcher = FolderWatcher(self.store, self.take, self.accounts.revisions, self._tell)
            self._watcher = watcher
            self._watching = asyncio.get_running_loop().create_task(watcher.run())

    def stop(self) -> None:
        """Look no more."""
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None

    def _tell(self, trouble: str) -> None:
        if trouble:
            log.warning("%s: %s; what was read before stays in use", self.folder, trouble)
        else:
            log.info("%s: can be read again", self.folder)

    def wrote(self, stored: Stored) -> None:
        """Take up at once what we have written ourselves; to the watcher it is no news."""
        if self._watcher is not None:
            self._watcher.apply(stored.name, stored.revision)
        if self.accounts.take([stored]):
            self._changed()

    def take(self, batch: Batch) -> None:
        """Take up what the watcher found."""
        bad = dict(self.accounts.bad)
        if not self.accounts.take(batch.written, batch.gone):
            return
        for name, why in self.accounts.bad.items():
            if bad.get(name) != why:
                kept = "; what it was before stays in use" if name in self.accounts.known else ""
                log.warning("%s: %s%s", self.folder / name, why, kept)
        self._changed()
        changed = [stored.name for stored in batch.written if stored.name not in self.accounts.bad]
        told = [*changed, *(f"{name} (gone)" for name in batch.gone)]
        if told:
            more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
            log.info("accounts taken up: %s%s", ", ".join(told[:_SHOWN]), more)


_SHOWN = 5
