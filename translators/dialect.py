"""What a dialect must bring.

A dialect is a grammar of requests and replies. It is one folder (`wire.py` nouns, `request.py`, `stream.py`,
`reply.py`) that ends
in one value, `DIALECT`. Nothing outside the folder knows its wire; it knows no other dialect.

Time, ids and capabilities come in as values (`Asked`, `Aim`), so the same bytes give the same bytes in the proxy, in
a test and
in a replay.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from translators.events import Event
from translators.losses import Ledger
from translators.model import Failure, Reply, Request
from translators.names import ToolName
from translators.parts import Vendor

if TYPE_CHECKING:
    from translators.pump import Pump


class Levels(Struct, frozen=True):
    """How a model thinks: token budgets, named levels, or both (empty levels and no range: not at all).

    minimum and maximum in tokens; zero: can be switched off; dynamic: the model may decide (budget −1).
    """

    minimum: int = 0
    maximum: int = 0
    zero: bool = False
    dynamic: bool = False
    names: tuple[str, ...] = ()


class Traits(Struct, frozen=True, kw_only=True):
    """What the catalogue knows of a model. known=False: a user-defined model, nothing is checked or clamped.

    context and max_output in tokens, 0 if unknown. thinking None: the model has no reasoning control.
    sampling: temperature, top_p, top_k are accepted. system_turns: `role: system` may stand between turns (Claude
    from 4.8).
    adaptive: Claude's adaptive thinking. signatures: Gemini 3 and later, where a call needs its thought signature.
    json_schema: Gemini's parametersJsonSchema is understood.
    """

    known: bool = False
    context: int = 0
    max_output: int = 0
    thinking: Levels | None = None
    sampling: bool = True
    prefill: bool = True
    system_turns: bool = False
    adaptive: bool = False
    signatures: bool = False
    json_schema: bool = True
    reasoning: bool = False


@dataclass(frozen=True, slots=True)
class Aim:
    """Where a request goes: what a writer must know of the upstream.

    model: the upstream's name for it, without thinking suffix. vendor: whose seals it can open ("anthropic",
    "openai", "google", or the
    provider's name). provider: the provider's key. official: the vendor's own API rather than a compatible host.
    account: a mark of the account that is asked (seals.account_mark), "" if that is all the same.
    tool_name: characters that a tool's name may have there, 0 as many as the dialect allows.
    """

    model: str
    provider: str
    vendor: Vendor
    stream: bool
    traits: Traits = field(default_factory=Traits)
    official: bool = True
    account: str = ""
    tool_name: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What a writer of replies must know of the client's request.

    model: as the client named it. now: unix seconds. seed: a few hex digits, unique to the exchange, from which
    ids are made where the
    upstream gave none. request: None where a failure is written before the request could be read.
    array: Gemini's stream as one JSON array instead of SSE. legacy fields of a dialect are read from `request`.
    ledger: where a writer of replies says what this client cannot be told; the whole answer and its stream say the
    same. Errors have no losses.
    """

    model: str
    stream: bool
    now: int
    seed: str
    request: Request | None = None
    array: bool = False
    ledger: Ledger = field(default_factory=Ledger, compare=False)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request ready for an upstream of this dialect: the JSON body, headers the body needs (betas), and how to
    undo what had to be done to tool names (see names.py); `tools` is keyed by the name the upstream knows.

    stops: stop sequences that the upstream is not told of, so that the answer must be cut at them here. wrapped: the
    answer is an object with the wanted value in it (schemas.wrap_value).
    """

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    tools: dict[str, ToolName] = field(default_factory=dict)
    stops: tuple[str, ...] = ()
    wrapped: bool = False


class StreamReader(Protocol):
    """Upstream bytes → events. One for each stream; any chunking of the same bytes gives the same events."""

    def feed(self, chunk: bytes) -> list[Event]:
        """Read a chunk. Raises Unreadable, or one of errors.UNDECODABLE, for bytes that are not this dialect at all
        (HTML, garbage).
        """
        ...

    def finish(self) -> list[Event]:
        """The upstream closed. Gives the end if it was due, Failed(kind="truncated") if it was not, [] if it was
        over.
        """
        ...


class StreamWriter(Protocol):
    """Events → the client's bytes. One for each stream."""

    def write(self, events: Sequence[Event]) -> bytes:
        """Write events; b"" if there is nothing to say yet. Failed becomes the dialect's own error event."""
        ...

    def ping(self) -> bytes:
        """What keeps this dialect's clients awake during silence, or b"" where nothing does."""
        ...


class Violation(Struct, frozen=True, gc=False):
    """Where an answer is not what its dialect's clients need.

    frame: of a stream, counted from 0 over what carries data; −1 where there is none (a whole body, the end of a
    stream). path: in the JSON of that frame. rule: who asks for it, the vendor's page or the client that breaks.
    mild: the vendor itself sends it now and then, although a client of its own suffers.
    """

    what: str
    frame: int
    path: str
    rule: str
    mild: bool = False


class Grammar(Protocol):
    """Checks the bytes of one stream as a client gets them. Keeps no more than the largest event.

    count: violations so far; of many only the first are given.
    """

    count: int

    def feed(self, chunk: bytes) -> list[Violation]:
        """Read a chunk; any chunking gives the same. Never raises."""
        ...

    def finish(self) -> list[Violation]:
        """The stream is over: what is missing."""
        ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """A grammar, as functions.

    read_request(body, model, stream, ledger): `model` and `stream` come from the path where the dialect puts them
    there (Gemini), else they
        are "" and None. Raises Unreadable with the JSON path. Fields nobody reads go to the ledger.
    write_request(request, aim, ledger): raises Unwritable for what must not be dropped even in lenient mode.
    read_reply(body): a whole answer as events (Started … Ended, or Failed for an error that came with status 200).
    write_reply(reply, asked): a whole answer as bytes.
    counts: the members of Usage that its answers have a field for; None: not told, and no count is listed as lost.
    read_failure(status, headers, body): an error answer of an upstream; never raises, whatever the body (HTML,
    empty, array).
    write_failure(failure, asked): status and JSON body of an error for this dialect's clients.
    """

    name: str
    vendor: Vendor
    read_request: Callable[[bytes, str, bool | None, Ledger], Request]
    write_request: Callable[[Request, Aim, Ledger], Outgoing]
    stream_reader: Callable[[], StreamReader]
    stream_writer: Callable[[Asked], StreamWriter]
    read_reply: Callable[[bytes], list[Event]]
    write_reply: Callable[[Reply, Asked], bytes]
    read_failure: Callable[[int, Mapping[str, str], bytes], Failure]
    write_failure: Callable[[Failure, Asked], tuple[int, bytes]]
    stream_type: str = "text/event-stream; charset=utf-8"
    end_mark: bytes = b""
    """A regular expression that matches a stream's bytes once it has reached its end (for streams passed on
    untouched).
    """
    begin_mark: bytes = b""
    """A regular expression that matches once a stream has said something that commits (content, not a handshake)."""
    failure_mark: bytes = b""
    """A regular expression that matches an error event inside a stream."""
    end_hints: tuple[bytes, ...] = ()
    """Plain bytes one of which stands in whatever end_mark matches: looking for them costs next to nothing."""
    failure_hints: tuple[bytes, ...] = (b"error",)
    """The same for failure_mark."""
    farewell: bytes = b""
    """The frame that must be the last one: added to a stream that is passed on if its upstream closed after it had said
    why it ended, and left this out.
    """
    counts: frozenset[str] | None = None
    reasoning_fields: tuple[str, ...] = ()
    """Body fields (one level of nesting: `outer.inner`) that say how much to think: what a thinking suffix replaces."""
    stream_failure: Callable[[Failure, Asked], bytes] | None = None
    """The in-stream error event alone, for a stream of this dialect that was passed on and broke under way; None where
    a fresh stream_writer says just that."""
    frame_shape: bytes = b""
    """A regular expression (\\n: any line end, .*: to the line's end) for a frame, or a comment, as this dialect's
    clients take it; it begins with the commonest, an object. Of a stream that is passed on, others (no name, a wrong
    one, empty, over lines …) are written anew.
    """
    named: bool = False
    """A frame written anew has an `event:` line that repeats the JSON's `type`."""
    done: bool = False
    """`[DONE]` is a frame of this dialect."""
    raw_errors: bool = False
    """An error under way is JSON alone, no frame (see Gemini's stream_failure)."""
    ping: bytes = b": keep-alive\n\n"
    """What keeps this dialect's clients awake in the middle of a stream that is passed on."""
    path: str = ""
    """Where a server of this dialect takes requests, below its base URL (of the vendors' own: see providers.yaml)."""
    unseal: Callable[[bytes, Callable[[str, bool], bool]], tuple[bytes, list[str]]] | None = None
    """Takes reasoning seals out of a body of this dialect (see unseal.py). Gives the new body, and where they stood."""
    carries_seals: bool = True
    """This dialect's clients send back the reasoning state they were given; else somebody has to remember it."""
    model_in_body: bool = True
    """The body names the model (everywhere but in Gemini, whose path does)."""
    grammar: Callable[[], Grammar] | None = None
    """Checks a stream of this dialect; None: nobody wrote down what its clients need."""
    check_reply: Callable[[bytes], list[Violation]] | None = None
    """The same for a whole answer (not for an error body)."""
    variant_of: str = ""
    """Of an upstream's variant: the dialect whose grammar it varies, by name."""
    passing: "Callable[[Dialect, Asked, bool], Pump] | None" = None
    """Of a variant that takes the bodies of `variant_of` as they are: makes the pump for its clients, given their
    dialect and whether the upstream's answer is a stream.
    """

    def passes(self, client: str) -> bool:
        """Whether bodies of a client's dialect go to an upstream of this one without being translated."""
        return client == self.name or (self.passing is not None and client == self.variant_of)
