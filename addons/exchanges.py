"""The live exchanges: what cliproxy knows of a flow beyond what mitmproxy stores.

Nothing here is ever serialised. The table drops an exchange when its flow is over; `Record` has by then put what a
person needs into
the flow as plain data.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from time import time
from typing import TYPE_CHECKING, Literal

from mitmproxy.http import HTTPFlow
from mitmproxy.net.server_spec import ServerSpec

from addons.inspection.trimming import note
from addons.making import Making
from addons.marks import Marks
from translators.dialect import Asked, Dialect
from translators.losses import Ledger
from translators.model import Failure, Request
from translators.pump import Pump
from translators.routes import Call

if TYPE_CHECKING:
    from addons.runtime import Runtime
    from credentials.pool import Lease, Resolution


class Tape:
    """Bytes kept for a person to look at: the head and the tail of what went past, at most `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._half = max(limit // 2, 1)
        self._head: list[bytes] = []
        self._head_size = 0
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self.size = 0
        self.marks = Marks()
        """When what came."""

    def add(self, chunk: bytes) -> None:
        """Keep a chunk."""
        self.size += len(chunk)
        now, marks = time(), self.marks
        if now >= marks.due:
            marks.note(now, self.size)
        marks.latest = now, self.size
        if self._head_size < self._half:
            self._head.append(chunk)
            self._head_size += len(chunk)
            return
        self._tail.append(chunk)
        self._tail_size += len(chunk)
        while self._tail and self._tail_size - len(self._tail[0]) >= self._half:
            self._tail_size -= len(self._tail.popleft())

    @property
    def left_out(self) -> int:
        """Bytes between head and tail that are not kept."""
        return self.size - self._head_size - self._tail_size

    def bytes(self) -> bytes:
        """What is kept; a line says how much is missing where something is."""
        head, tail = b"".join(self._head), b"".join(self._tail)
        if self.left_out:
            return head + note(self.left_out) + tail
        return head + tail


@dataclass(slots=True)
class Wire:
    """What one attempt sends. This, not the flow, holds the secret; it is dropped as soon as it is sent.

    via: an HTTP proxy (scheme, (host, port)) or None. chunks: a local source instead of an upstream.
    read_failure(status, headers, body) and make_pump(streamed) come from whoever chose the upstream's dialect.
    """

    scheme: str
    host: str
    port: int
    path: str
    headers: list[tuple[bytes, bytes]]
    body: bytes
    read_failure: Callable[[int, Mapping[str, str], bytes], Failure]
    make_pump: Callable[[bool], Pump]
    via: ServerSpec | None = None
    chunks: AsyncIterator[bytes] | None = None
    streamed: bool = False


@dataclass(slots=True)
class Attempt:
    """One try with one credential, as the record shows it. Times are seconds since the epoch; headers carry labels
    for secrets. credential: its id, "" where the answer is made here.
    """

    number: int
    label: str
    provider: str
    dialect: str
    model: str
    url: str
    started: float
    headers: list[tuple[str, str]]
    body: bytes
    raw: Tape
    status: int = 0
    answer_headers: list[tuple[str, str]] = field(default_factory=list)
    first_byte: float = 0.0
    ended: float = 0.0
    failure: Failure | None = None
    verdict: str = ""
    making: Making | None = None
    credential: str = ""


@dataclass(eq=False, slots=True)
class Exchange:
    """One request of a client and everything done for it.

    unsealed: the upstream has refused reasoning state; what is sent goes without that of finished turns, or of all.
    session: names of the conversation, None while nobody has asked for them.
    stale: a lease whose token must be renewed before anything is sent with it. trouble: why that was not possible.
    detours: the provider's further addresses that the lease was tried at. kin: the account whose next project is
    asked first. previews: what is left of the model's preview variants, None before the first was tried.
    placeless: a lease whose account names no project yet. avoid: keys of leases that come last, because they answered
    the same request before.
    pauses: when (seconds since the epoch) it began to wait, and what for.
    """

    flow: HTTPFlow
    call: Call
    client: Dialect
    asked: Asked
    body: bytes
    runtime: "Runtime"
    ledger: Ledger
    emitted: Tape
    keep: int
    headers: dict[str, str] = field(default_factory=dict)
    request: Request | None = None
    reading: Ledger = field(default_factory=Ledger)
    attempts: list[Attempt] = field(default_factory=list)
    pauses: list[tuple[float, str]] = field(default_factory=list)
    resolution: "Resolution | None" = None
    lease: "Lease | None" = None
    tried: set[str] = field(default_factory=set)
    rounds: int = 0
    again: bool = True
    avoid_kind: str = ""
    detours: int = 0
    kin: str = ""
    previews: "list[Resolution] | None" = None
    unsealed: Literal["", "past", "all"] = ""
    wait: float | None = None
    stale: "Lease | None" = None
    placeless: "Lease | None" = None
    trouble: Failure | None = None
    wire: Wire | None = None
    refusal: Failure | None = None
    pump: Pump | None = None
    ping: bytes = b""
    source: AsyncIterator[bytes] | None = None
    chunk: bytes | None = None
    caller: str = ""
    avoid: frozenset[str] = frozenset()
    session: tuple[str, ...] | None = None

    @property
    def decided(self) -> bool:
        """There is something to send, or the refusal."""
        return self.wire is not None or self.refusal is not None

    @property
    def attempt(self) -> Attempt:
        """The latest attempt."""
        return self.attempts[-1]


class Exchanges:
    """The table of live exchanges, by flow id."""

    def __init__(self) -> None:
        self._live: dict[str, Exchange] = {}
        self._arrived: dict[str, tuple[Call, dict[str, str]]] = {}
        self._hidden: dict[str, tuple[bytes, bytes]] = {}

    def __len__(self) -> int:
        return len(self._live)

    def get(self, flow: HTTPFlow) -> Exchange | None:
        """The exchange of a flow, if it is one of ours and still under way."""
        return self._live.get(flow.id)

    def live(self) -> list[Exchange]:
        """All that are under way."""
        return list(self._live.values())

    def arrive(self, flow: HTTPFlow, call: Call, headers: dict[str, str]) -> None:
        """Note what a request asks for, and its headers (names in lower case, keys masked)."""
        self._arrived[flow.id] = call, headers

    def arrival(self, flow: HTTPFlow) -> tuple[Call, dict[str, str]] | None:
        """What `arrive` noted; None for a flow that is not ours, or over."""
        return self._arrived.get(flow.id)

    def hide(self, flow: HTTPFlow, shown: bytes, meant: bytes) -> None:
        """Note the body that a flow's request really has, where the flow shows another."""
        self._hidden[flow.id] = shown, meant

    def body(self, flow: HTTPFlow) -> bytes:
        """The body of a flow's request, as it came (perhaps compressed), unless somebody has put another there."""
        content = flow.request.data.content or b""
        hidden = self._hidden.get(flow.id)
        return hidden[1] if hidden is not None and content == hidden[0] else content

    def open(self, exchange: Exchange) -> None:
        """Enter an exchange."""
        self._live[exchange.flow.id] = exchange

    def close(self, flow: HTTPFlow) -> Exchange | None:
        """Take an exchange out: its flow is over."""
        self._arrived.pop(flow.id, None)
        self._hidden.pop(flow.id, None)
        return self._live.pop(flow.id, None)
