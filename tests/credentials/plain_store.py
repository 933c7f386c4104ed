"""A store in a folder, as little of it as the refresher needs: whole writes, revisions, locks between processes."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from credentials.store import Conflict, Stored, Unavailable, revision_of


class PlainStore:
    """full: writes fail as on a full disk. before_write: called with the name when a write has read what is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.full = False
        self.writes: list[str] = []
        self.before_write = lambda name: None

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*.json"))

    def read(self, name: str) -> Stored | None:
        try:
            content = (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None
        return Stored(name, content, revision_of(content))

    def write(self, name: str, content: bytes, expected: str | None) -> Stored:
        self.before_write(name)
        if self.full:
            raise Unavailable("the disk is full: make room")
        with self._held(self.folder / ".lock"):
            current = self.read(name)
            if (current.revision if current else None) != expected:
                raise Conflict(name, current)
            temporary = self.folder / f".{secrets.token_hex(8)}.tmp"
            temporary.write_bytes(content)
            temporary.replace(self.folder / name)
        self.writes.append(name)
        return Stored(name, content, revision_of(content))

    def delete(self, name: str, expected: str) -> None:
        (self.folder / name).unlink()

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        with self._held(self.folder / f".{name}.lock"):
            yield

    @contextmanager
    def _held(self, path: Path) -> Iterator[None]:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
