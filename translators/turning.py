"""What every answer goes through between reader and writer: order, the end of the turn, names and seals."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from translators import seals
from translators.amending import Amending, Unwrap
from translators.events import (
    ArgumentsDelta,
    BlockClosed,
    BlockOpened,
    Ended,
    Event,
    Failed,
    Finished,
    Order,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    UsageSeen,
)
from translators.fold import merge_usage
from translators.model import Failure, Stop, Usage
from translators.names import ToolName, made_id
from translators.parts import Seal, Vendor

type Change = Callable[[list[Event]], list[Event]]


class Turning:
    """What every answer goes through between reader and writer: order, the end of the turn, tool names.

    The truth about the end (users' reports name it the first cause of dead agents): a tool call seen outranks a
    `stop`; a cut by length
    outranks a tool call; a `tool` without a call is a stop.
    """

    def __init__(
        self,
        tools: dict[str, ToolName],
        native: Vendor = "",
        vendor: Vendor = "",
        change: Change | None = None,
        model: str = "",
        account: str = "",
        *,
        stops: Sequence[str] = (),
        wrapped: bool = False,
    ) -> None:
        """native: whose seals a reader of this dialect takes them for; vendor: whose they are, "" the same.

        change: what an overridden pair does with the events before anything else. model, account: what a seal is bound
        to (seals.py). Thinking of a host that seals nothing is marked as its own. stops, wrapped: what of the request
        is left to be done to the answer (Outgoing).
        """
        self._change = change
        self.order = Order()
        self.started = Started()
        self.usage: Usage | None = None
        self.stop: Stop | None = None
        self.over = False
        self._said = False  # more than thinking
        self._tools = tools
        self._native, self._vendor = native, vendor or native
        self._model, self._account = model, account
        self._unsealed: set[int] = set()  # open thinking of a host, without a seal so far
        self._called: set[int] = set()
        self._ids: set[str] = set()
        self._unwrapping: dict[int, Unwrap] = {}
        self._amending = Amending(stops, wrapped=wrapped) if wrapped or any(stops) else None
        self._changing = self._change is not None or self._amending is not None  # something is done to every piece

    def turn(self, events: list[Event]) -> list[Event]:
        """Check and settle events. Raises OutOfOrder for a reader's mistake."""
        if self._change is not None:
            events = self._change(events)
        opened = self.order.open
        settled: list[Event] = []
        for event in events:
            if self.over:
                break
            if type(event) in _TEXTS and event.block in opened:  # type: ignore[attr-defined]
                if self._unwrapping and event.block in self._unwrapping:  # type: ignore[attr-defined]
                    event = self._unwrap(event)  # type: ignore[arg-type]
                settled.append(event)
                continue
            self.order.check(event)
            settled += self._settle(event)
        if self._amending is not None and settled:
            settled = self._amending.amend(settled)
            self.stop = next((one.stop for one in settled if type(one) is Finished and not one.candidate), self.stop)
        return settled

    def flows(self, events: list[Event]) -> bool:
        """Whether this is one more piece of a block that is open, as nearly every chunk is: nothing to settle."""
        if len(events) != 1 or self._changing or self._unwrapping or self.over:
            return False
        event = events[0]
        return type(event) in _TEXTS and event.block in self.order.open  # type: ignore[attr-defined]

    def _settle(self, event: Event) -> list[Event]:
        match event:
            case BlockOpened(kind="tool", name=""):
                self.over = True
                message = "the upstream sent a tool call without a name"
                return [Failed(Failure(kind="upstream", message=message, code="bad_call"))]
            case BlockOpened(kind="tool"):
                self._said = True
                return [self._open_call(event)]
            case BlockOpened(kind="thinking"):
                if event.seal is None and self._vendor != self._native:
                    self._unsealed.add(event.block)
            case BlockOpened():
                self._said = True
            case BlockClosed() if event.block in self._unsealed:
                self._unsealed.discard(event.block)
                return [Sealed(event.block, Seal("signature", "", self._vendor)), event]
            case BlockClosed() if event.block in self._unwrapping:
                rest = self._unwrapping.pop(event.block).rest()
                return [ArgumentsDelta(event.block, rest), event] if rest else [event]
            case UsageSeen():
                self.usage = merge_usage(self.usage, event.usage)
            case Sealed():
                self._unsealed.discard(event.block)
                return [Sealed(event.block, self._claim(event.seal))]
            case Finished(stop=Stop(reason="bad_call")) if not self._said:
                said = ": ".join(filter(None, (event.stop.native or "bad_call", event.stop.explanation)))
                failure = Failure(kind="upstream", message=f"the model made no usable answer ({said})", code="bad_call")
                self.over = True
                return [Failed(failure)]
            case Finished():
                stop = _end_of_turn(event.stop, called=event.candidate in self._called)
                if event.candidate == 0 or self.stop is None:
                    self.stop = stop
                return [Finished(stop, event.candidate)]
            case Started():
                self.started = event
            case Ended() | Failed():
                self.over = True
            case _:
                pass
        return [event]

    def _open_call(self, event: BlockOpened) -> BlockOpened:
        """The call under the client's name for the tool."""
        self._called.add(event.candidate)
        if event.seal is not None:
            event = replace(event, seal=self._claim(event.seal))
        if event.id in self._ids:  # two calls of one id: no result would find its own
            event = replace(event, id=made_id(len(self._ids), event.name, event.id))
        self._ids.add(event.id)
        known = self._tools.get(event.name)
        if known is None:
            return event
        if known.form == "text" and event.form == "json":
            self._unwrapping[event.block] = Unwrap("input")
        return replace(event, name=known.name, form=known.form, namespace=known.namespace)

    def _claim(self, seal: Seal) -> Seal:
        if seal.vendor != self._native:
            return seal
        return seals.claim(seal, self._vendor, self._model, self._account)

    def _unwrap(self, event: ArgumentsDelta) -> ArgumentsDelta:
        return ArgumentsDelta(event.block, self._unwrapping[event.block].feed(event.text))


_TEXTS = frozenset({TextDelta, ThinkingDelta, ArgumentsDelta})


def _end_of_turn(stop: Stop, *, called: bool) -> Stop:
    if called and stop.reason in ("stop", "other", "sequence"):
        return replace(stop, reason="tool")
    if not called and stop.reason == "tool":
        return replace(stop, reason="stop")
    return stop
