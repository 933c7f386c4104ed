"""The alphabet of a reply, and what may follow what.

A StreamReader turns an upstream's bytes into these events, a StreamWriter turns them into the client's bytes. Every
reader guarantees, and `Order` checks:

1. `Started` comes first, once; the last event is exactly one `Ended` or `Failed`.
2. A delta stands between `BlockOpened` and `BlockClosed` of its block; several blocks may be open (parallel calls).
   A citation may also come later: some upstreams name their sources when all is said.
3. A tool block is opened when its id and name are known (a reader makes an id up deterministically if there is none).
4. Exactly one `Finished` a candidate, after its blocks are closed, before `Ended`. `UsageSeen` may come anywhere before
   `Ended`; values are cumulative and the last one per field wins. Readers hold back `Finished` until the upstream's
   usage has been seen or its stream is over, so that a writer has the numbers when it must write them.
"""

from typing import ClassVar, Literal

from msgspec import Raw, Struct

from translators.errors import OutOfOrder
from translators.model import Failure, Stop, Usage
from translators.parts import Citation, Seal

type Kind = Literal["text", "refusal", "thinking", "tool", "hosted", "hosted_result", "image", "audio", "unknown"]


class Event(Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """A letter of the alphabet. Events hold no cycles, so the collector need not look at them."""


class Started(Event, frozen=True):
    """The upstream has begun an answer. id and model are the upstream's; created is in unix seconds, 0 if unknown."""

    id: str = ""
    model: str = ""
    created: int = 0


class BlockOpened(Event, frozen=True):
    """A stretch of one kind begins. `block` counts 0, 1, 2 … over the whole reply, all candidates together.

    tool: id, name, form, namespace are the call's; `caller` tells who called (see `parts.ToolCall`), `vendor` whose
    word that is. `item` is the wire's own item id where it has one.
    text, refusal: `item` is the message's id, `phase` its phase (Responses: commentary, final_answer).
    hosted, hosted_result: name is the kind (model.HostedTool), id the call's, vendor who runs it; the whole native
    object comes in `Native` before the block is closed.
    seal: what is known at opening already (Gemini signs the call part itself).
    """

    block: int
    kind: Kind
    id: str = ""
    name: str = ""
    form: Literal["json", "text"] = "json"
    namespace: str = ""
    seal: Seal | None = None
    vendor: str = ""
    item: str = ""
    candidate: int = 0
    phase: str = ""
    caller: Raw | None = None


class TextDelta(Event, frozen=True):
    """More text of a text or refusal block. logprobs: OpenAI's list for this piece."""

    block: int
    text: str
    logprobs: Raw | None = None


class ThinkingDelta(Event, frozen=True):
    """More reasoning text. `part`: which summary part (Responses); `full`: open reasoning rather than a summary."""

    block: int
    text: str
    part: int = 0
    full: bool = False


class ArgumentsDelta(Event, frozen=True):
    """More of a tool call's arguments (JSON source text, or free text), or of a hosted call's input."""

    block: int
    text: str


class MediaDelta(Event, frozen=True):
    """Image or audio output. data is base64 (standard); pieces of one block concatenate."""

    block: int
    mime: str
    data: str
    transcript: str = ""


class Sealed(Event, frozen=True):
    """Opaque state of an open block."""

    block: int
    seal: Seal


class Cited(Event, frozen=True):
    """A citation of a text block, open or closed. A writer whose grammar has no place for a late one leaves it out."""

    block: int
    citation: Citation


class Native(Event, frozen=True):
    """The vendor's own JSON of a hosted or unknown block (complete object), for the same vendor or a mapping."""

    block: int
    raw: Raw


class BlockClosed(Event, frozen=True):
    """A block is over. complete=False: the upstream was cut while it was open."""

    block: int
    complete: bool = True


class UsageSeen(Event, frozen=True):
    """Token counts so far (cumulative)."""

    usage: Usage


class Finished(Event, frozen=True):
    """A candidate is over, and why."""

    stop: Stop
    candidate: int = 0


class Ended(Event, frozen=True):
    """The reply is over, and whole."""


class Failed(Event, frozen=True):
    """The reply broke. Nothing follows."""

    failure: Failure


type AnyEvent = (
    Started
    | BlockOpened
    | TextDelta
    | ThinkingDelta
    | ArgumentsDelta
    | MediaDelta
    | Sealed
    | Cited
    | Native
    | BlockClosed
    | UsageSeen
    | Finished
    | Ended
    | Failed
)

MOST_CANDIDATES = 128
"""Of one reply; no vendor gives more. An index beyond is no index."""

COMMITTING: frozenset[type[Event]] = frozenset(
    {BlockOpened, TextDelta, ThinkingDelta, ArgumentsDelta, MediaDelta, Finished, Ended}
)
"""Events after which the client may see bytes: before them a failure can still go to another credential unseen."""


class Order:
    """What may follow what in a reply. Knows nothing of any dialect; one for each reply."""

    DELTAS: ClassVar[frozenset[type[Event]]] = frozenset(
        {TextDelta, ThinkingDelta, ArgumentsDelta, MediaDelta, Sealed, Cited, Native}
    )

    def __init__(self) -> None:
        self.state: Literal["new", "open", "over"] = "new"
        self.open: dict[int, int] = {}  # block → candidate
        self.next_block = 0
        self.finished: set[int] = set()

    def check(self, event: Event) -> None:
        """Raise OutOfOrder if `event` may not stand here."""
        kind = type(event)
        if kind in self.DELTAS:
            late = kind is Cited and event.block < self.next_block and self.state == "open"  # type: ignore[attr-defined]
            if event.block not in self.open and not late:  # type: ignore[attr-defined]
                raise OutOfOrder(f"{event!r} outside its block; open: {sorted(self.open)}")
            return
        if self.state == "over":
            raise OutOfOrder(f"{event!r} after the end")
        if isinstance(event, Started):
            if self.state != "new":
                raise OutOfOrder("a second Started")
            self.state = "open"
        elif isinstance(event, Failed):
            self.state = "over"
        elif self.state == "new":
            raise OutOfOrder(f"{event!r} before Started")
        elif isinstance(event, BlockOpened):
            if event.block != self.next_block:
                raise OutOfOrder(f"block {event.block} opened, {self.next_block} is next")
            if event.candidate in self.finished:
                raise OutOfOrder(f"block {event.block} after candidate {event.candidate} finished")
            self.next_block += 1
            self.open[event.block] = event.candidate
        elif isinstance(event, BlockClosed):
            if self.open.pop(event.block, None) is None:
                raise OutOfOrder(f"block {event.block} closed, but not open")
        elif isinstance(event, Finished):
            if event.candidate in self.finished or event.candidate in self.open.values():
                raise OutOfOrder(f"candidate {event.candidate} finished twice or with open blocks")
            self.finished.add(event.candidate)
        elif isinstance(event, Ended):
            if self.open or not self.finished:
                raise OutOfOrder("Ended with open blocks or without Finished")
            self.state = "over"
