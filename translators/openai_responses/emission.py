"""The items of an answer that is being written, and the bytes of their events.

Each item knows what it has said, so that it can be repeated whole when it is done and again in the final response.
"""

from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from translators import seals
from translators.events import BlockOpened
from translators.openai_responses.items import VENDOR
from translators.parts import Citation, Seal

_encode = msgspec.json.Encoder().encode


class Emission:
    """Numbers events and collects their bytes; `items` holds every item by output_index."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self._number = 0
        self._out: list[bytes] = []
        self._ids: set[str] = set()
        self.items: list[Item] = []

    def identify(self, prefix: str, given: str = "", *, any_given: bool = False) -> str:
        """The upstream's id if it looks like OpenAI's and is new, else one made of the seed."""
        fits = given and (any_given or given.startswith(f"{prefix}_"))
        ident = given if fits and given not in self._ids else f"{prefix}_{self.seed}_{len(self.items)}"
        self._ids.add(ident)
        return ident

    def carry(self, seal: Seal, place: Any) -> None:
        """A reasoning item that is nothing but an envelope."""
        item = Reasoning(self.identify("rs"), seals.wrap(replace(seal, place=place)))
        self.add(item)
        self.done(item, "completed")

    def take(self) -> bytes:
        """What was written since the last time."""
        out = b"".join(self._out)
        self._out.clear()
        return out

    def event(self, tag: str, **members: Any) -> None:
        """One event; `sequence_number` rises by one from 0 over the whole stream."""
        data = on_one_line(_encode({"type": tag, "sequence_number": self._number, **members}))
        self._number += 1
        self._out.append(b"event: %b\ndata: %b\n\n" % (tag.encode(), data))

    def delta(self, head: bytes, middle: bytes, text: str, tail: bytes) -> None:
        """A delta event, of which all but the number and the text was made before."""
        self._out.append(b"".join((head, _encode(self._number), middle, _encode(text), tail)))
        self._number += 1

    def add(self, item: "Item") -> None:
        """Announce an item; from now on it has its place in the output."""
        item.index = len(self.items)
        item.begin()
        self.items.append(item)
        self.event("response.output_item.added", output_index=item.index, item=item.begun())

    def done(self, item: "Item", status: str) -> None:
        """Say that an item is complete, or cut."""
        item.final = _encode(item.whole(status))
        self.event("response.output_item.done", output_index=item.index, item=Raw(item.final))

    def part_done(self, part: "TextPart") -> None:
        """Say that a part of a message is complete."""
        whole = part.whole()
        if part.refusal:
            self.event("response.refusal.done", **part.place, refusal=whole["refusal"])
        else:
            self.event("response.output_text.done", **part.place, text=whole["text"], logprobs=part.logprobs)
        self.event("response.content_part.done", **part.place, part=whole)
        part.open = False

    def add_piece(self, item: "Reasoning", *, full: bool) -> None:
        """Begin a piece of the reasoning itself (`full`) or of its summary."""
        item.pieces.append((full, []))
        place = item.place()
        tag = "content_part" if full else "reasoning_summary_part"
        self.event(f"response.{tag}.added", **place, part=item.piece())
        tag = "reasoning_text" if full else "reasoning_summary_text"
        item.frame = delta_frame(f"response.{tag}.delta", place)

    def piece_done(self, item: "Reasoning") -> None:
        """Say that the last piece is complete."""
        full, place, piece = item.pieces[-1][0], item.place(), item.piece()
        tag = "reasoning_text" if full else "reasoning_summary_text"
        self.event(f"response.{tag}.done", **place, text=piece["text"])
        tag = "content_part" if full else "reasoning_summary_part"
        self.event(f"response.{tag}.done", **place, part=piece)

    def call_done(self, item: "Call") -> None:
        """Say that the arguments of a call are complete, and so is the call."""
        where, text = {"item_id": item.id, "output_index": item.index}, "".join(item.texts)
        if item.custom:
            self.event("response.custom_tool_call_input.done", **where, input=text)
        else:
            self.event("response.function_call_arguments.done", **where, name=item.name, arguments=text)
        self.done(item, "completed")

    def output(self) -> list[bytes]:
        """All items that were announced; those that are not done yet as incomplete."""
        return [_encode(item.whole("incomplete")) if item.final is None else item.final for item in self.items]


def on_one_line(data: bytes) -> bytes:
    """JSON without line breaks: other people's, kept as it came, may be pretty-printed, and would break the frame."""
    return msgspec.json.format(data, indent=-1) if b"\n" in data or b"\r" in data else data


def delta_frame(tag: str, members: dict[str, Any], tail: bytes = b"}\n\n") -> tuple[bytes, bytes, bytes]:
    """What stands before the number, between number and text, and after the text of a delta event."""
    head = f'event: {tag}\ndata: {{"type":"{tag}","sequence_number":'.encode()
    return head, b"," + _encode(members)[1:-1] + b',"delta":', tail


class Item:
    """Base of the items. `final`: its bytes, once it is done."""

    def __init__(self, ident: str) -> None:
        self.id = ident
        self.index = -1
        self.final: bytes | None = None

    def begin(self) -> None:
        """Called when the place in the output is known."""

    def begun(self) -> Any:
        """The item as it is announced."""
        return self.whole("in_progress")

    def whole(self, status: str) -> Any:
        """The item as far as it goes."""
        raise NotImplementedError


class Fixed(Item):
    """An item that is complete when it is announced."""

    def __init__(self, ident: str, content: Any) -> None:
        super().__init__(ident)
        self.content = content

    def whole(self, status: str) -> Any:
        """The item; its status is its own."""
        return self.content


class Message(Item):
    """A message: texts and refusals that follow one another. `given`: the id it has upstream."""

    def __init__(self, ident: str, given: str = "", phase: str = "") -> None:
        super().__init__(ident)
        self.given = given
        self._phase = {"phase": phase} if phase else {}
        self.parts: list[TextPart] = []

    def whole(self, status: str) -> dict[str, Any]:
        """The message with all its parts."""
        content = [part.whole() for part in self.parts] if status != "in_progress" else []
        said = {"id": self.id, "type": "message", "role": "assistant", "status": status, "content": content}
        return said | self._phase


class TextPart:
    """A text or a refusal in a message. `frame` is made for its deltas."""

    def __init__(self, message: Message, *, refusal: bool) -> None:
        self.message = message
        self.refusal = refusal
        self.texts: list[str] = []
        self.annotations: list[Any] = []
        self.logprobs: list[Any] = []
        self.open = True
        self.place = {
            "item_id": message.id,
            "output_index": message.index,
            "content_index": len(message.parts),
        }
        kind = "refusal" if refusal else "output_text"
        tail = b"}\n\n" if refusal else b',"logprobs":[]}\n\n'
        self.frame = delta_frame(f"response.{kind}.delta", self.place, tail)
        message.parts.append(self)

    def whole(self) -> dict[str, Any]:
        """The part with what was said so far."""
        text = "".join(self.texts)
        if self.refusal:
            return {"type": "refusal", "refusal": text}
        return {"type": "output_text", "text": text, "annotations": self.annotations, "logprobs": self.logprobs}


class Call(Item):
    """function_call, or custom_tool_call for free text."""

    def __init__(self, ident: str, opened: BlockOpened, *, custom: bool) -> None:
        super().__init__(ident)
        self.custom = custom
        self.name = opened.name
        self.texts: list[str] = []
        self.frame = (b"", b"", b"")
        self._head = {"id": ident, "type": "custom_tool_call" if custom else "function_call", "call_id": opened.id}
        self._beside: dict[str, Any] = {"namespace": opened.namespace} if opened.namespace else {}
        if opened.caller is not None and opened.vendor == VENDOR:
            self._beside["caller"] = opened.caller

    def begin(self) -> None:
        """Make the frame of the deltas."""
        tag = "response.custom_tool_call_input.delta" if self.custom else "response.function_call_arguments.delta"
        self.frame = delta_frame(tag, {"item_id": self.id, "output_index": self.index})

    def whole(self, status: str) -> dict[str, Any]:
        """The call with what was said so far."""
        said = "input" if self.custom else "arguments"
        return {**self._head, "name": self.name, **self._beside, said: "".join(self.texts), "status": status}


class Reasoning(Item):
    """reasoning: pieces of a summary, or of the reasoning itself."""

    def __init__(self, ident: str, sealed: str = "") -> None:
        super().__init__(ident)
        self.sealed = sealed
        self.pieces: list[tuple[bool, list[str]]] = []  # (the reasoning itself?, texts)
        self.frame = (b"", b"", b"")

    def place(self) -> dict[str, Any]:
        """Where the last piece stands."""
        full = self.pieces[-1][0]
        number = sum(1 for piece in self.pieces if piece[0] is full) - 1
        return {
            "item_id": self.id,
            "output_index": self.index,
            "content_index" if full else "summary_index": number,
        }

    def piece(self) -> dict[str, Any]:
        """The last piece with what was said so far."""
        full, texts = self.pieces[-1]
        return {"type": "reasoning_text" if full else "summary_text", "text": "".join(texts)}

    def whole(self, status: str) -> dict[str, Any]:
        """The item; status stands on it only if it was cut, as at OpenAI."""
        said: dict[str, Any] = {"id": self.id, "type": "reasoning"}
        said["summary"] = [{"type": "summary_text", "text": "".join(texts)} for full, texts in self.pieces if not full]
        content = [{"type": "reasoning_text", "text": "".join(texts)} for full, texts in self.pieces if full]
        if content:
            said["content"] = content
        if self.sealed:
            said["encrypted_content"] = self.sealed
        if status == "incomplete":
            said["status"] = status
        return said


class Block:
    """An open block: how it was opened, and the item or part it has become (none before it has content)."""

    def __init__(self, opened: BlockOpened) -> None:
        self.opened = opened
        self.part: TextPart | None = None
        self.item: Item | None = None
        self.seal: Seal | None = None
        self.piece: tuple[bool, int] | None = None  # which piece of thinking is open
        self.texts: list[str] = []
        self.mime = ""
        self.native: Raw | None = None
        self.later: list[Citation] = []  # citations of the whole text
