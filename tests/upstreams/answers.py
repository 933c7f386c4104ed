"""What a fake upstream says, and how it goes wrong while saying it: plain values, known to no dialect."""

import concurrent.futures
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

type Stop = Literal["end", "length", "tool", "stop_sequence", "refusal"]


class Call(NamedTuple):
    """A tool call. An empty id: the dialect makes one up, as its vendor would."""

    name: str
    arguments: dict[str, Any]
    id: str = ""


class Usage(NamedTuple):
    """Token counts. input has the cached and written ones in it, output the reasoning ones."""

    input: int = 100
    cached: int = 80
    written: int = 0
    output: int = 40
    reasoning: int = 0


COUNTS = Usage()


@dataclass(frozen=True)
class Answer:
    """A whole answer. stop "" means: "tool" if there are calls, else "end". pieces: deltas a text is cut into."""

    text: str = ""
    thinking: str = ""
    calls: tuple[Call, ...] = ()
    usage: Usage = COUNTS
    stop: Stop | Literal[""] = ""
    stop_sequence: str = ""
    pieces: int = 3

    @property
    def reason(self) -> Stop:
        """Why the answer ended."""
        return self.stop or ("tool" if self.calls else "end")


class Gate:
    """A door between a test and the server's thread: the server waits at it until the test opens it."""

    def __init__(self) -> None:
        self.opened: concurrent.futures.Future[None] = concurrent.futures.Future()

    def open(self) -> None:
        """Let the server go on. Opening twice does nothing."""
        if not self.opened.done():
            self.opened.set_result(None)


@dataclass(frozen=True)
class Play:
    """One performance: an answer or a failure, and what befalls it on the way.

    status other than 200: a failure with `message`, in the dialect's own body (`kind` is the dialect's word for it,
    "" for the usual one); retry_after in seconds becomes the header.
    raw: these very bytes instead of an answer, as `content_type`.
    framing: how HTTP/1.1 tells the length. coding: "gzip" or "br". chunk: bytes a write, 0 for a frame a write.
    hold_at: wait at `gate` (or for good, without one) "before headers" (-1) or before frame n.
    cut_at, cut: end the connection before headers (-1) or before frame n, by RST ("reset") or by closing ("eof").
    cut_inside: cut in the middle of that frame instead of before it.
    error_at: an error event of the dialect in place of frame n.
    """

    answer: Answer | None = None
    status: int = 200
    message: str = "made to fail"
    kind: str = ""
    retry_after: str = ""
    raw: bytes | None = None
    content_type: str = ""
    framing: Literal["chunked", "length", "eof"] = "chunked"
    coding: Literal["", "gzip", "br"] = ""
    crlf: bool = False
    chunk: int = 0
    hold_at: int | None = None
    gate: Gate | None = None
    cut_at: int | None = None
    cut: Literal["reset", "eof"] = "eof"
    cut_inside: bool = False
    error_at: int | None = None
    headers: dict[str, str] = field(default_factory=dict)


def pieces(text: str, count: int) -> list[str]:
    """`text` in at most `count` pieces of about one length; none for an empty text."""
    size = -(-len(text) // count) or 1
    return [text[at : at + size] for at in range(0, len(text), size)]
