"""Where credential files are kept: named pieces of bytes, and nothing about what is in them.

The interface is small on purpose, so that a database, a Git repository or a bucket is one file. Two promises make the
rest of the house simple: a `write` is all or nothing, and only goes through if nobody wrote since the caller read; and
`locked` keeps out every other process for as long as it is held.
"""

import hashlib
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol


class Stored(NamedTuple):
    """A piece as it is kept. revision: of the content, the same for the same bytes."""

    name: str
    content: bytes
    revision: str

    def __repr__(self) -> str:
        """The content is secret."""
        return f"Stored({self.name!r}, revision={self.revision[:12]!r})"


class Conflict(Exception):
    """Somebody else wrote, made or deleted the piece since it was read. current: what is there now."""

    def __init__(self, name: str, current: Stored | None) -> None:
        super().__init__(f"{name} was changed by somebody else")
        self.current = current


class Unavailable(Exception):
    """The store cannot be used now (disk full, no permission, wrong key); the message says what to do."""


class Store(Protocol):
    """Names are those of credential files: one path segment ending in `.json`. All methods may block for a moment."""

    def names(self) -> list[str]:
        """All names, sorted. Half-written and foreign files are not among them."""
        ...

    def left_out(self) -> list[str]:
        """Names of pieces that are there, and no whole credential: empty, half written, something else."""
        ...

    def read(self, name: str) -> Stored | None:
        """A piece, None if there is none, or it is not whole."""
        ...

    def write(self, name: str, content: bytes, expected: str | None) -> Stored:
        """Replace the piece whose revision is `expected` (None: make a new one). Raises Conflict, Unavailable."""
        ...

    def delete(self, name: str, expected: str) -> None:
        """Raises Conflict, Unavailable."""
        ...

    def locked(self, name: str) -> AbstractContextManager[None]:
        """Hold off all other processes and threads that want the same name. Not for re-entry."""
        ...


def revision_of(content: bytes) -> str:
    """The revision of a content."""
    return hashlib.sha256(content).hexdigest()
