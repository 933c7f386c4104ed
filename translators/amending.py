"""What the upstream could not be told is done to its answer here: stop sequences, and values that had to be wrapped.

Only answers of requests that need it come this way.
"""

import re
from collections.abc import Sequence

import msgspec
from msgspec import Raw

from translators.events import BlockClosed, BlockOpened, Cited, Event, Finished, TextDelta
from translators.model import Stop
from translators.schemas import VALUE


class Amending:
    """Both, in their order: the value first, then the end of its text. One for each answer."""

    def __init__(self, stops: Sequence[str], *, wrapped: bool) -> None:
        self._bare = Bare() if wrapped else None
        self._cut = Cut(stops) if any(stops) else None

    def amend(self, events: list[Event]) -> list[Event]:
        """Give the events as the client is to see them."""
        if self._bare is not None:
            events = [said for event in events for said in self._bare.take(event)]
        if self._cut is not None:
            events = [said for event in events for said in self._cut.take(event)]
        return events


class Cut:
    """Ends a candidate's text where a stop sequence begins, and the candidate with it; the sequence is not shown.

    What could be the beginning of one is held back until it is known. The upstream goes on unheard, so that its usage
    is counted. A call that was made before the cut stays what the turn ended with.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stop for stop in dict.fromkeys(stops) if stop)
        self._held: dict[int, list[TextDelta]] = {}  # open text block → what is not yet shown
        self._candidates: dict[int, int] = {}  # text block → candidate
        self._hit: dict[int, str] = {}  # candidate → the sequence it ended at
        self._called: set[int] = set()
        self._hidden: set[int] = set()  # blocks the client never hears of

    def take(self, event: Event) -> list[Event]:
        """One event, as far as it is to be seen."""
        match event:
            case BlockOpened():
                return self._open(event)
            case TextDelta() if event.block in self._candidates:
                return self._text(event)
            case Finished() if event.candidate in self._hit and event.candidate not in self._called:
                stop = Stop(reason="sequence", sequence=self._hit[event.candidate], native=event.stop.native)
                return [Finished(stop, event.candidate)]
            case Cited() if self._hit.get(self._candidates.get(event.block, -1)):
                return []
            case BlockClosed() if event.block in self._held:
                return [*self._release(event.block, None), event]
            case _ if self._hidden and getattr(event, "block", -1) in self._hidden:
                return []
            case _:
                return [event]

    def _open(self, event: BlockOpened) -> list[Event]:
        if event.candidate in self._hit:
            self._hidden.add(event.block)
            return []
        if event.kind == "text":
            self._held[event.block] = []
            self._candidates[event.block] = event.candidate
        elif event.kind == "tool":
            self._called.add(event.candidate)
        return [event]

    def _text(self, event: TextDelta) -> list[Event]:
        candidate = self._candidates[event.block]
        if candidate in self._hit:
            return []
        self._held[event.block].append(event)
        text = "".join(delta.text for delta in self._held[event.block])
        found = [(at, -len(stop), stop) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            at, _, self._hit[candidate] = min(found)
            return self._release(event.block, at)
        open_end = max(_overlap(text, stop) for stop in self._stops)
        shown, self._held[event.block] = _split(self._held[event.block], len(text) - open_end, last=False)
        return shown

    def _release(self, block: int, upto: int | None) -> list[Event]:
        """All that was held of a block, or as much of it as stands before a stop sequence."""
        held = self._held.pop(block)
        return list(held) if upto is None else _split(held, upto, last=True)[0]


def _overlap(text: str, stop: str) -> int:
    """How much of the end of `text` may be the beginning of `stop`."""
    for size in range(min(len(stop) - 1, len(text)), 0, -1):
        if text.endswith(stop[:size]):
            return size
    return 0


def _split(deltas: list[TextDelta], upto: int, *, last: bool) -> tuple[list[Event], list[TextDelta]]:
    """Pieces before and after a place. A piece with log probabilities is kept whole, unless nothing comes after it."""
    shown: list[Event] = []
    kept: list[TextDelta] = []
    at = 0
    for delta in deltas:
        room = upto - at
        at += len(delta.text)
        if kept or room < 0 or (room == 0 and delta.text):
            kept.append(delta)
        elif room >= len(delta.text):
            shown.append(delta)
        elif delta.logprobs is None:
            shown.append(TextDelta(delta.block, delta.text[:room]))
            kept.append(TextDelta(delta.block, delta.text[room:]))
        elif last:
            shown.append(TextDelta(delta.block, delta.text[:room], _tokens(delta.logprobs, room)))
        else:
            kept.append(delta)
    return shown, kept


class _Token(msgspec.Struct):
    token: str


_lists = msgspec.json.Decoder(list[Raw])
_token = msgspec.json.Decoder(_Token)


def _tokens(logprobs: Raw, room: int) -> Raw:
    """The tokens that fit into the text that is shown."""
    fitting: list[Raw] = []
    for raw in _lists.decode(logprobs):
        room -= len(_token.decode(raw).token)
        if room < 0:
            break
        fitting.append(raw)
    return Raw(msgspec.json.encode(fitting))


class Bare:
    """The value itself, of an answer that had to be an object with a value in it."""

    def __init__(self) -> None:
        self._texts: dict[int, Unwrap] = {}

    def take(self, event: Event) -> list[Event]:
        """One event; log probabilities go, being those of another text."""
        match event:
            case BlockOpened(kind="text"):
                self._texts[event.block] = Unwrap(VALUE)
            case TextDelta() if event.block in self._texts:
                text = self._texts[event.block].feed(event.text)
                return [TextDelta(event.block, text)] if text else []
            case BlockClosed() if event.block in self._texts:
                rest = self._texts.pop(event.block).rest()
                return [TextDelta(event.block, rest), event] if rest else [event]
            case _:
                pass
        return [event]


class Unwrap:
    """The text inside `{"input": "…"}`, as it arrives: a free-text tool that ran upstream as a JSON function.

    Arguments of any other shape are given as they are, at the end.
    """

    def __init__(self, member: str) -> None:
        self._head = re.compile(rf'\s*\{{\s*"{member}"\s*:\s*"')
        self._text = ""
        self._at: int | None = None  # where the string goes on; None: its beginning has not been seen
        self._closed = False

    def feed(self, text: str) -> str:
        """More of the JSON; gives what of the text is certain."""
        self._text += text
        if self._at is None:
            head = self._head.match(self._text)
            if head is None:
                return ""
            self._at = head.end()
        if self._closed:
            return ""
        end = self._at
        while end < len(self._text):
            if self._text[end] == '"':
                self._closed = True
                break
            step = 1
            if self._text[end] == "\\":
                step = 6 if self._text[end + 1 : end + 2] == "u" else 2
                if step == 6 and self._text[end + 2 : end + 3] in "dD":  # perhaps half of a surrogate pair
                    step = 12 if self._text[end + 3 : end + 4] in "89abAB" else 6
            if end + step > len(self._text):
                break
            end += step
        piece, self._at = self._text[self._at : end], end
        try:
            return str(msgspec.json.decode(f'"{piece}"'.encode())) if piece else ""
        except msgspec.MsgspecError:
            return piece

    def rest(self) -> str:
        """Everything, if it was of another shape."""
        return self._text if self._at is None else ""
