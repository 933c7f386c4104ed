"""A store without a disk, for tests of what stands on stores."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from credentials.store import Conflict, Stored, revision_of
from credentials.watch import Stamp


class MemoryStore:
    """Store and Watched over a dict. `files` may be changed from outside, as another program would."""

    def __init__(self, files: dict[str, Any] | None = None) -> None:
        self.files = {name: content_of(body) for name, body in (files or {}).items()}
        self.reads = 0

    def put(self, name: str, body: Any) -> None:
        self.files[name] = content_of(body)

    def names(self) -> list[str]:
        return sorted(name for name in self.files if name not in self.left_out())

    def left_out(self) -> list[str]:
        return sorted(name for name, content in self.files.items() if not content.startswith(b"{"))

    def stamps(self) -> dict[str, Stamp]:
        return {name: Stamp(hash(content), len(content), 0) for name, content in self.files.items()}

    def read(self, name: str) -> Stored | None:
        self.reads += 1
        content = self.files.get(name)
        return Stored(name, content, revision_of(content)) if content is not None and content[:1] == b"{" else None

    def write(self, name: str, content: bytes, expected: str | None) -> Stored:
        self._check(name, expected)
        self.files[name] = content
        return Stored(name, content, revision_of(content))

    def delete(self, name: str, expected: str) -> None:
        self._check(name, expected)
        del self.files[name]

    def _check(self, name: str, expected: str | None) -> None:
        current = self.read(name)
        if (current.revision if current else None) != expected:
            raise Conflict(name, current)

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        yield


def content_of(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()
