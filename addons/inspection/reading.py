"""An answer read: whatever stands there, as far as it can be understood."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from addons.inspection.trimming import parted
from translators.dialect import Dialect, StreamReader
from translators.errors import Unreadable
from translators.events import ArgumentsDelta, BlockClosed, BlockOpened, Event, TextDelta, ThinkingDelta
from translators.fold import Fold
from translators.model import Reply
from translators.parts import Part
from translators.registry import DIALECTS

_STEP = 256 * 1024
"""Bytes that are read at once: what came before the place where a reader gives up is kept."""

_BLANK = re.compile(rb"\n\n|\r\n\r\n")


class Answer(NamedTuple):
    """What was said. trouble: why not all of it could be read ("" if it could). failure: the error that stands in it.
    ended: it is whole. cut: it stops before its end.
    """

    reply: Reply
    trouble: str
    failure: str
    ended: bool
    cut: bool = False

    @property
    def parts(self) -> list[Part]:
        """Everything that was said, all candidates together."""
        return [part for candidate in self.reply.candidates for part in candidate.parts]


def read_answer(body: bytes, dialect: str) -> Answer:
    """Read a stream or a whole answer; of one whose middle was not kept, both ends. Never raises."""
    fold, trouble = Fold(), ""
    known = DIALECTS.get(dialect)
    if known is None:
        return Answer(fold.reply(), f"no dialect {dialect!r} is known here", "", False)
    try:
        for events in _events(body, known):
            fold.add(events)
    except Unreadable as error:
        trouble = str(error)
    except Exception as error:  # whatever was recorded: a view says what it is
        trouble = f"{type(error).__name__}: {error}"
    failure = fold.failure
    cut = failure is not None and failure.kind == "truncated"
    return Answer(fold.reply(), trouble, failure.message if failure and not cut else "", fold.ended, cut)


def _events(body: bytes, dialect: Dialect) -> Iterator[list[Event]]:
    head, tail = parted(body)
    if head.lstrip()[:1] == b"{" and not tail:
        try:
            events = dialect.read_reply(head)
        except Unreadable:
            pass  # an error object, one object a line …: readers of streams know more
        else:
            yield events
            return
    reader = dialect.stream_reader()
    if tail:
        ends = [blank.end() for blank in _BLANK.finditer(head)]
        begin = _BLANK.search(tail)
        head, tail = head[: ends[-1] if ends else 0], tail[begin.end() :] if begin is not None else b""
    for said in (head, tail):
        for at in range(0, len(said), _STEP):
            yield reader.feed(said[at : at + _STEP])
    yield reader.finish()


class Place:
    """Where a stream is, after so many of its bytes."""

    def __init__(self, dialect: Dialect) -> None:
        self._reader: StreamReader = dialect.stream_reader()
        self._kinds: dict[int, str] = {}
        self._said: list[str] = []
        self._where = "before anything was said"

    def after(self, more: bytes) -> str:
        """Read on, and tell the place in words. Raises what readers raise."""
        for event in self._reader.feed(more):
            match event:
                case BlockOpened(block=block, kind=kind, name=name):
                    self._kinds[block] = f"call {name}" if kind == "tool" else kind
                    self._where, self._said = f"at the begin of {self._kinds[block]}", []
                case BlockClosed(block=block):
                    self._where, self._said = f"after {self._kinds.get(block, 'a block')}", []
                case TextDelta(block=block, text=text) | ThinkingDelta(block=block, text=text):
                    self._where = f"in {self._kinds.get(block, 'text')}"
                    self._said.append(text)
                case ArgumentsDelta(block=block, text=text):
                    self._where = f"in the arguments of {self._kinds.get(block, 'a call')}"
                    self._said.append(text)
                case _:
                    pass
        last = " ".join("".join(self._said[-40:]).split())[-40:]
        return f"{self._where}, behind “{last}”" if last else self._where
