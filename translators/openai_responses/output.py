"""The items of an answer: as they are announced, when they are complete, and once more at the end.

What comes in more than one event (deltas, `….done`, output_item.done, response.completed) is said once: later events
only add what was missing. Many hosts leave out one or the other.
"""

from collections import Counter

import msgspec
from msgspec import Raw

from translators.events import Event, MediaDelta, Native, Sealed
from translators.openai_responses.answers import OutputItem, OutputPart
from translators.openai_responses.blocks import Blocks, Key
from translators.openai_responses.items import CALLS, NAME, OUTPUTS, VENDOR
from translators.openai_responses.wire import given
from translators.parts import Seal

_AT_ONCE = ("hosted", "hosted_result", "image", "unknown")

_item = msgspec.json.Decoder(OutputItem)


def item_added(blocks: Blocks, index: int, raw: Raw) -> list[Event]:
    """An item begins. A message opens with its first text, a hosted call when it is complete."""
    item = read_item(raw)
    match item.type:
        case "function_call" | "custom_tool_call":
            slot = blocks.slots.get(("tool", index, 0))
            if slot is None:
                return blocks.call(index, item)
            if slot.call in (item.call_id, item.id):
                return []  # said twice
            return blocks.close(slot) + blocks.call(index, item)
        case "reasoning":
            slot = blocks.slots.get(("thinking", index, 0))
            if slot is not None and (slot.open or slot.item == item.id):
                return []
            return blocks.open(("thinking", index, 0), item.id or "", announced=True)[1]
        case "message":
            blocks.messages[index] = item
            return []
        case _:
            return []


def item_done(blocks: Blocks, index: int, raw: Raw) -> list[Event]:
    """A complete item: say what was not said, and close its blocks."""
    item = read_item(raw)
    ident = item.call_id or item.id or ""
    match item.type:
        case "message":
            return _message(blocks, index, item)
        case "function_call" | "custom_tool_call":
            return _call(blocks, index, item)
        case "reasoning":
            return _reasoning(blocks, index, item)
        case "":
            return []
        case "image_generation_call" if (data := _string(item.result)) is not None:
            mime = f"image/{item.output_format or 'png'}"
            return blocks.at_once(("image", index, 0), item, lambda block: MediaDelta(block, mime, data))
        case tag if tag in CALLS or tag in OUTPUTS:
            key: Key = ("hosted" if tag in CALLS else "hosted_result", index, 0)
            kind = CALLS.get(tag) or OUTPUTS[tag]
            return blocks.at_once(key, item, lambda block: Native(block, raw), call=ident, name=kind, vendor=VENDOR)
        case tag:
            key = ("unknown", index, 0)
            return blocks.at_once(key, item, lambda block: Native(block, raw), name=tag, vendor=NAME)


def _message(blocks: Blocks, index: int, item: OutputItem) -> list[Event]:
    events: list[Event] = []
    blocks.messages.setdefault(index, item)
    for place, part in enumerate(item.content or []):
        events += blocks.part(index, place, part)
    for slot in blocks.all:
        if slot.open and slot.key[0] in ("text", "refusal") and slot.key[1] == index:
            events += blocks.close(slot)
    del blocks.messages[index]
    return events


def _call(blocks: Blocks, index: int, item: OutputItem) -> list[Event]:
    slot = blocks.slots.get(("tool", index, 0))
    events: list[Event] = []
    if slot is None:
        events += blocks.call(index, item)
    elif not slot.open and item.call_id and slot.call not in (item.call_id, item.id):
        events += blocks.call(index, item)  # another call under an index that has had one
    events += blocks.argued(index, _arguments(item))
    slot = blocks.slots.get(("tool", index, 0))
    return events + blocks.close(slot, complete=item.status != "incomplete") if slot is not None else events


def _reasoning(blocks: Blocks, index: int, item: OutputItem) -> list[Event]:
    key: Key = ("thinking", index, 0)
    slot = blocks.slots.get(key)
    events: list[Event] = []
    if slot is None or (not slot.open and item.id and slot.item != item.id):
        slot, events = blocks.open(key, item.id or "", announced=True)
    elif not slot.open:
        return []
    pieces, full = (item.summary, False) if item.summary else (item.content or [], True)
    for place, part in enumerate(pieces):
        events += blocks.thought(index, place, part.text or "", full=full)
    if item.encrypted_content:
        seal = Seal("encrypted", item.encrypted_content, VENDOR, blocks.model, item=item.id or slot.item)
        events.append(Sealed(slot.number, seal))
    return events + blocks.close(slot)


class Comparison:
    """What was streamed against the final output, in which indices may have moved."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        slots = blocks.all
        self._ids = {slot.item for slot in slots if slot.item}
        self._calls = {slot.call: slot for slot in slots if slot.call}
        self._texts = Counter("".join(slot.said) for slot in slots if slot.key[0] in ("text", "refusal"))
        self._thoughts = Counter(
            "".join(text for piece in slot.pieces.values() for text in piece)
            for slot in slots
            if slot.key[0] == "thinking" and slot.pieces
        )
        self._last = max((slot.key[1] for slot in slots), default=-1)

    def missing(self, output: list[Raw]) -> list[Event]:
        """Events for what is new in `output`; an item that was seen only gets its rest."""
        events: list[Event] = []
        for index, raw in enumerate(output):
            place = self._place(index, read_item(raw))
            if place is not None:
                events += item_done(self._blocks, place, raw)
        return events

    def _place(self, index: int, item: OutputItem) -> int | None:
        """The output_index under which to read an item; None if it has all been said."""
        match item.type:
            case "function_call" | "custom_tool_call":
                ident = item.call_id or item.id
                slot = self._calls.get(ident) if ident else self._blocks.slots.get(("tool", index, 0))
                if slot is None:
                    return self._unused("tool", index)
                return slot.key[1] if slot.open else None
            case "message":
                texts = [text for part in item.content or [] if (text := part.text or part.refusal)]
                if texts and all(self._texts[text] > 0 for text in texts):
                    self._texts.subtract(texts)
                    return index if self._is_open("text", index) else None
                for slot in self._blocks.all:
                    if item.id and slot.item == item.id and texts and texts[0].startswith("".join(slot.said)):
                        return slot.key[1]
                known = any(("text", index, place) in self._blocks.slots for place in range(len(texts)))
                return index if known else self._unused("text", index)
            case "reasoning":
                return self._thinking(index, item)
            case _:
                seen = item.id in self._ids or any((kind, index, 0) in self._blocks.slots for kind in _AT_ONCE)
                return None if seen else index

    def _thinking(self, index: int, item: OutputItem) -> int | None:
        if self._is_open("thinking", index):
            return index
        thought = "".join(part.text or "" for part in item.summary or _with_text(item.content))
        if item.id in self._ids or self._thoughts[thought] > 0 or ("thinking", index, 0) in self._blocks.slots:
            self._thoughts[thought] -= 1
            return None
        return self._unused("thinking", index)

    def _is_open(self, kind: str, index: int) -> bool:
        slot = self._blocks.slots.get((kind, index, 0))
        return slot is not None and slot.open

    def _unused(self, kind: str, index: int) -> int:
        """`index`, or one nobody has used if another block of the kind stands there."""
        if (kind, index, 0) not in self._blocks.slots:
            return index
        self._last += 1
        return max(self._last, index)


def read_item(raw: Raw) -> OutputItem:
    """An item; of an odd one, the strings that tell what it is."""
    try:
        return _item.decode(raw)
    except msgspec.ValidationError:
        tree = msgspec.json.decode(raw)
    if not isinstance(tree, dict):
        return OutputItem()
    names = ("type", "id", "call_id", "name", "namespace", "phase", "status", "encrypted_content")
    return OutputItem(**{name: tree[name] for name in names if isinstance(tree.get(name), str)})


def _string(raw: Raw) -> str | None:
    if not memoryview(raw).nbytes:
        return None
    value = msgspec.json.decode(raw)
    return value if isinstance(value, str) else None


def _arguments(item: OutputItem) -> str:
    """Arguments or input as text, even where the host wrote the object itself."""
    raw = item.input if item.type == "custom_tool_call" else item.arguments
    said = given(raw)
    if said is None:
        return ""
    text = _string(said)
    return bytes(said).decode() if text is None else text


def _with_text(parts: list[OutputPart] | None) -> list[OutputPart]:
    return [part for part in parts or [] if part.text]
