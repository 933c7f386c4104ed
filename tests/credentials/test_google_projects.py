"""A project that was found is written into the file, and nothing else is changed there."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from credentials.oauth.google_projects import remember
from credentials.store import Conflict, Stored, Unavailable, revision_of

FILE = {"type": "gemini", "token": {"access_token": "a", "x": 1.0}, "email": "ana@example.com", "zz": [1]}


class Pieces:
    """A store in memory. before_write: what somebody else does between our reading and our writing, once each."""

    def __init__(self, body: Any) -> None:
        self.content: bytes | None = json.dumps(body).encode() if body is not None else None
        self.before_write: list[Any] = []
        self.full = False
        self.held = 0

    def names(self) -> list[str]:
        return ["a.json"] if self.content is not None else []

    def read(self, name: str) -> Stored | None:
        return Stored(name, self.content, revision_of(self.content)) if self.content is not None else None

    def write(self, name: str, content: bytes, expected: str | None) -> Stored:
        assert self.held == 1
        if self.full:
            raise Unavailable("the disk is full")
        if self.before_write:
            self.content = json.dumps(self.before_write.pop(0)).encode()
        current = self.read(name)
        if (current.revision if current else None) != expected:
            raise Conflict(name, current)
        self.content = content
        return Stored(name, content, revision_of(content))

    def delete(self, name: str, expected: str) -> None:
        raise NotImplementedError

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1


def body_of(store: Pieces) -> Any:
    return json.loads(store.content or b"null")


@pytest.mark.parametrize("before", [{}, {"project_id": ""}])
def test_the_project_is_added_and_all_else_stays(before: dict[str, str]) -> None:
    store = Pieces(FILE | before)
    assert remember(store, "a.json", "found") == "found"
    assert body_of(store) == FILE | {"project_id": "found"}


def test_the_bytes_around_it_stay() -> None:
    store = Pieces(FILE)
    store.content = b'{ "type" : "gemini",\n\t"x": 1.50 }'
    remember(store, "a.json", "found")
    assert store.content.startswith(b'{ "type" : "gemini",\n\t"x": 1.50')
    assert body_of(store)["project_id"] == "found"


def test_what_the_file_names_by_now_counts() -> None:
    store = Pieces(FILE | {"project_id": "own"})
    assert remember(store, "a.json", "found") == "own"
    assert body_of(store)["project_id"] == "own"


def test_somebody_else_writes_meanwhile() -> None:
    store = Pieces(FILE)
    store.before_write = [FILE | {"zz": 2}]
    assert remember(store, "a.json", "found") == "found"
    assert body_of(store) == FILE | {"zz": 2, "project_id": "found"}


@pytest.mark.parametrize("body", [None, [1], FILE])
def test_a_file_that_cannot_be_written_stops_nobody(body: Any) -> None:
    store = Pieces(body)
    store.full = True
    assert remember(store, "a.json", "found") == "found"
    assert body_of(store) == body
    assert store.held == 0
