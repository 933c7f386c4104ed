"""The blocks of an answer that is being read: opening, filling and closing them, and saying nothing twice.

Blocks are found again by output_index: item ids change under way at some hosts, and some never announce an item.
One output_index may carry several blocks of different kinds, for the same reason.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw

from translators.events import (
    ArgumentsDelta,
    BlockClosed,
    BlockOpened,
    Cited,
    Event,
    Started,
    TextDelta,
    ThinkingDelta,
)
from translators.logprobs import sound
from translators.names import made_id
from translators.openai_responses.answers import OutputItem, OutputPart, Response
from translators.openai_responses.items import VENDOR, read_citation
from translators.openai_responses.wire import given

type Key = tuple[str, int, int]
"""Kind of block, output_index, content_index (0 for what is no part of a message)."""


class Slot:
    """One block: what was said in it, so that nothing is said twice."""

    def __init__(self, number: int, key: Key, item: str, *, announced: bool) -> None:
        self.number = number
        self.key = key
        self.item = item
        self.announced = announced
        self.open = True
        self.implied = False  # closed because another opened: it may go on, as a new block
        self.call = ""
        self.said: list[str] = []  # text, arguments
        self.pieces: dict[int, list[str]] = {}  # of thinking
        self.full = False
        self.cited = 0
        self.sealed = False


class Blocks:
    """All blocks of one answer. Each verb gives the events it causes."""

    def __init__(self) -> None:
        self.started = False
        self.model = ""
        self.calls = 0
        self.refused = False
        self.slots: dict[Key, Slot] = {}
        self.all: list[Slot] = []
        self.messages: dict[int, OutputItem] = {}  # that were announced, by output_index
        self._nameless: dict[int, list[str]] = {}  # arguments of calls whose name is not known yet

    def start(self, response: Response) -> list[Event]:
        """The answer begins, once."""
        if self.started:
            return []
        self.started = True
        self.model = response.model or ""
        return [Started(response.id or "", self.model, int(response.created_at or 0))]

    def open(self, key: Key, item: str = "", *, announced: bool = False, **opened: Any) -> tuple[Slot, list[Event]]:
        """Open a block. One that no item announced will not be closed by one either: the next block closes it."""
        events = [] if self.started else self.start(Response())
        for other in self.all:
            if other.open and not other.announced:
                events += self.close(other)
                other.implied = True
        slot = Slot(len(self.all), key, item, announced=announced)
        self.slots[key] = slot
        self.all.append(slot)
        events.append(BlockOpened(slot.number, key[0], item=item, **opened))  # type: ignore[arg-type]
        return slot, events

    def close(self, slot: Slot, *, complete: bool = True) -> list[Event]:
        """Close a block, if it is open."""
        if not slot.open:
            return []
        slot.open = False
        return [BlockClosed(slot.number, complete)]

    def at_once(
        self, key: Key, item: OutputItem, content: Callable[[int], Event], *, call: str = "", name: str = "",
        vendor: str = "",
    ) -> list[Event]:  # fmt: skip
        """A block whose content comes in one piece; nothing if it has been there before."""
        if any(slot.key == key and slot.item == (item.id or "") for slot in self.all):
            return []
        slot, events = self.open(key, item.id or "", announced=True, id=call, name=name, vendor=vendor)
        return [*events, content(slot.number), *self.close(slot)]

    # --- text and refusals ---

    def say(self, key: Key, text: str, logprobs: list[Raw] | None = None, *, before: str = "") -> list[Event]:
        """More text. `before`: what was said of it in a block that is closed by now."""
        slot = self.slots.get(key)
        events: list[Event] = []
        if slot is None or not slot.open:
            if not text:
                return []
            if slot is not None and slot.implied:
                before = "".join(slot.said)
            message = self.messages.get(key[1])
            about = (message.id or "", message.phase or "") if message is not None else ("", "")
            slot, events = self.open(key, about[0], announced=message is not None, phase=about[1])
            slot.said.append(before)
            self.refused = self.refused or key[0] == "refusal"
        slot.said.append(text)
        events.append(TextDelta(slot.number, text, sound(Raw(msgspec.json.encode(logprobs))) if logprobs else None))
        return events

    def rest(self, key: Key, whole: str, logprobs: list[Raw] | None = None) -> list[Event]:
        """What of `whole` has not been said; if the deltas said something else, they stand.

        logprobs: of the whole text, so they only count where nothing of it has been said.
        """
        slot = self.slots.get(key)
        said = "".join(slot.said) if slot is not None else ""
        missing = whole[len(said) :] if whole.startswith(said) else ""
        return self.say(key, missing, None if said else logprobs, before=said) if missing else []

    def cite(self, key: Key, annotations: list[Raw]) -> list[Event]:
        """Citations of a text, also of one that is done, from the first one that is new."""
        slot = self.slots.get(key)
        if slot is None:
            return []
        slot.cited += len(annotations)
        return [Cited(slot.number, read_citation(raw)) for raw in annotations]

    def part(self, index: int, place: int, part: OutputPart) -> list[Event]:
        """A whole part of a message: say the rest, and close it."""
        if part.type == "reasoning_text":
            return self.thought(index, place, part.text or "", full=True)
        refusal = part.type == "refusal"
        key: Key = ("refusal" if refusal else "text", index, place)
        events = self.rest(key, (part.refusal if refusal else part.text) or "", part.logprobs)
        slot = self.slots.get(key)
        if slot is None:
            return events
        return [*events, *self.cite(key, (part.annotations or [])[slot.cited :]), *self.close(slot)]

    # --- thinking ---

    def think(self, index: int, piece: int, text: str, *, full: bool) -> list[Event]:
        """More thinking. Of the summary and the reasoning itself, the one that comes first is shown."""
        key: Key = ("thinking", index, 0)
        slot = self.slots.get(key)
        if slot is not None and slot.pieces and slot.full is not full and slot.open:
            return []
        events: list[Event] = []
        if slot is None or not slot.open:
            if not text:
                return []
            before = slot.pieces if slot is not None and slot.implied else {}
            slot, events = self.open(key)
            slot.pieces = {number: list(texts) for number, texts in before.items()}
        slot.full = full
        slot.pieces.setdefault(piece, []).append(text)
        return [*events, ThinkingDelta(slot.number, text, piece, full)]

    def thought(self, index: int, piece: int, whole: str, *, full: bool) -> list[Event]:
        """What of a whole piece of thinking has not been said."""
        slot = self.slots.get(("thinking", index, 0))
        if slot is not None and not slot.open and not slot.implied and slot.pieces:
            return []
        said = "".join(slot.pieces.get(piece, [])) if slot is not None else ""
        missing = whole[len(said) :] if whole.startswith(said) else ""
        return self.think(index, piece, missing, full=full) if missing else []

    # --- calls ---

    def call(self, index: int, item: OutputItem) -> list[Event]:
        """Open a call; without a name it waits for one."""
        if not item.name:
            return []
        call = item.call_id or item.id or made_id(self.calls, item.name, "")
        self.calls += 1
        slot, events = self.open(
            ("tool", index, 0),
            item.id or "",
            announced=True,
            id=call,
            name=item.name,
            form="text" if item.type == "custom_tool_call" else "json",
            namespace=item.namespace or "",
            **({"caller": caller, "vendor": VENDOR} if (caller := given(item.caller)) is not None else {}),
        )
        slot.call = call
        for text in self._nameless.pop(index, []):
            events += self.argue(index, text)
        return events

    def argue(self, index: int, text: str) -> list[Event]:
        """More arguments, or input of a free-text tool."""
        slot = self.slots.get(("tool", index, 0))
        if slot is None:
            self._nameless.setdefault(index, []).append(text)
            return []
        if not slot.open:
            return []
        slot.said.append(text)
        return [ArgumentsDelta(slot.number, text)]

    def argued(self, index: int, whole: str) -> list[Event]:
        """What of the whole arguments has not been said."""
        slot = self.slots.get(("tool", index, 0))
        said = "".join(slot.said if slot is not None else self._nameless.get(index, []))
        missing = whole[len(said) :] if whole.startswith(said) else ""
        return self.argue(index, missing) if missing else []
