"""The file store with a disk that can be full, and a moment before each write at which somebody else may come."""

from collections.abc import Callable
from pathlib import Path

from credentials.file_store import FileStore
from credentials.store import Stored, Unavailable


class TriedStore(FileStore):
    """full: writes fail as on a full disk. before_write: called with the name."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.full = False
        self.before_write: Callable[[str], object] = lambda name: None

    def write(self, name: str, content: bytes, expected: str | None) -> Stored:
        """As the file store, when the disk has room."""
        self.before_write(name)
        if self.full:
            raise Unavailable("the disk is full: make room")
        return super().write(name, content, expected)
