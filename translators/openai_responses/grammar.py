"""What a Responses client needs of a stream, checked in the bytes it gets.

Source: OpenAI API reference, “Streaming events”, read November 2026; the stream helpers of openai for Python 3.54 and
for JavaScript 7.57, which address items and parts by their place in a list.
"""

from collections.abc import Callable

import msgspec
from msgspec import UNSET

from translators.dialect import Violation
from translators.grammar import Arguments, EventStream, Findings, Said
from translators.openai_responses.shapes import (
    CALLS,
    ENDS,
    PARTS,
    Event,
    Item,
    Part,
    Response,
    check_item,
    check_response,
    parts_of,
)

_PLACE = "openai: an index is a place in a list"

_event = msgspec.json.Decoder(Event)
_response = msgspec.json.Decoder(Response)


class _Said(Said):
    """A part, or a piece of reasoning."""

    __slots__ = ("closed", "kind", "notes")

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.closed = False
        self.notes = 0


class _Open:
    """An item, as far as it has come."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.done = False
        self.content: list[_Said] = []
        self.summary: list[_Said] = []
        self.arguments = Arguments()


_TEXTS = {
    "output_text": ("content_index", "output_text"),
    "refusal": ("content_index", "refusal"),
    "reasoning_text": ("content_index", "reasoning_text"),
    "reasoning_summary_text": ("summary_index", "summary_text"),
}
"""Event between `response.` and `.delta` → where its index stands, and the part it belongs to."""
_INPUTS = {
    "function_call_arguments": ("function_call", "arguments"),
    "custom_tool_call_input": ("custom_tool_call", "input"),
}
_HOSTED = ("web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "mcp_call.")


class Grammar(EventStream):
    """One for each stream."""

    def __init__(self) -> None:
        super().__init__("OpenAI: Streaming events")
        self._number = 0
        self._id = ""
        self._over = False
        self._items: list[_Open] = []
        self._verbs: dict[str, Callable[[Event], None]] = {
            "response.created": self._created,
            "response.queued": self._going,
            "response.in_progress": self._going,
            "response.output_item.added": self._added,
            "response.output_item.done": self._done,
            "response.content_part.added": lambda event: self._part_added(event, "content"),
            "response.content_part.done": lambda event: self._part_done(event, "content"),
            "response.reasoning_summary_part.added": lambda event: self._part_added(event, "summary"),
            "response.reasoning_summary_part.done": lambda event: self._part_done(event, "summary"),
            "response.output_text.annotation.added": self._annotated,
            "error": self._error,
        }
        for name in _TEXTS:
            self._verbs[f"response.{name}.delta"] = self._text_verb(name)
            self._verbs[f"response.{name}.done"] = self._text_done_verb(name)
        for name in _INPUTS:
            self._verbs[f"response.{name}.delta"] = self._input_verb(name)
            self._verbs[f"response.{name}.done"] = self._input_done_verb(name)
        for status in ENDS:
            self._verbs[f"response.{status}"] = self._last

    def _event(self, name: bytes, data: bytes) -> None:
        if data == b"[DONE]":
            return  # every client passes over it
        event = self.decoded(_event, data)
        if event is None:
            self._number += 1
            return
        tag = event.type
        if name != tag.encode():
            self.note(f"event {name.decode(errors='replace')!r} holds {tag!r}", "$.type", mild=not name)
        verb = self._verbs.get(tag)
        if event.sequence_number != self._number and (verb is not None or event.sequence_number is not None):
            self.note(f"sequence_number {event.sequence_number}, {self._number} is next", "$.sequence_number")
            self._number = event.sequence_number or self._number
        if verb is not None or event.sequence_number is not None:
            self._number += 1
        if self._over:
            self.note(f"{tag} after the end")
        elif not self._id and tag not in ("response.created", "error"):
            self.note(f"{tag} before response.created", rule="openai: RuntimeError")
        elif verb is not None:
            verb(event)
        elif tag[9:].startswith(_HOSTED):
            self._at(event)

    # --- the response -----------------------------------------------------------------------------------------------

    def _created(self, event: Event) -> None:
        if self._id:
            self.note("a second response.created")
        response = self._response(event)
        self._id = (response.id if response is not None else "") or "?"
        if response is not None and response.output:
            self.note("the output is not empty at its beginning", "$.response.output")

    def _going(self, event: Event) -> None:
        self._response(event)

    def _response(self, event: Event) -> Response | None:
        if event.response is UNSET:
            self.note("no `response`", "$.response")
            return None
        response = self.decoded(_response, event.response, "$.response")
        if response is None:
            return None
        if self._id and response.id != self._id:
            self.note("another response.id", "$.response.id")
        check_response(self, response, event.type.removeprefix("response."), "$.response")
        return response

    def _error(self, event: Event) -> None:
        self._over = True
        if event.message is None and event.error is UNSET:
            self.note("an error without message", "$.message")

    def _last(self, event: Event) -> None:
        self._over = True
        response = self._response(event)
        if response is None or event.type == "response.failed":
            return
        if any(not one.done for one in self._items):
            self.note("an item is not done at the end", "$.response.output")
        if len(response.output) != len(self._items):
            self.note(f"{len(response.output)} items, {len(self._items)} were streamed", "$.response.output")
            return
        for place, (item, one) in enumerate(zip(response.output, self._items, strict=True)):
            self._same(one, item, f"$.response.output[{place}]")

    def _end(self) -> None:
        if not self._over:
            self.note("no response.completed, incomplete, failed and no error at the end", rule="openai")

    # --- items ------------------------------------------------------------------------------------------------------

    def _at(self, event: Event) -> _Open | None:
        index = event.output_index
        if index is None or not 0 <= index < len(self._items):
            self.note(f"item {index}, which was never added", "$.output_index", _PLACE)
            return None
        one = self._items[index]
        if one.done:
            self.note(f"{event.type} of an item that is done", "$.output_index")
        if event.item_id is not None and event.item_id != one.item.id:
            self.note("another item_id than the item was added with", "$.item_id")
        return one

    def _added(self, event: Event) -> None:
        item = event.item
        if item is UNSET:
            self.note("no `item`", "$.item")
            return
        if event.output_index != len(self._items):
            self.note(f"item {event.output_index}, {len(self._items)} is next", "$.output_index", _PLACE)
        self._items.append(_Open(item))
        check_item(self, item, "$.item", beginning=True)

    def _done(self, event: Event) -> None:
        one, item = self._at(event), event.item
        if one is None or item is UNSET:
            self.note("no `item`", "$.item")
            return
        one.done = True
        for said in (*one.content, *one.summary):
            if not said.closed:
                self.note("an item is done while a part of it is open", "$.item")
        said_done = one.arguments.done or item.status == "incomplete" or item.type not in CALLS
        if not said_done:
            self.note("a call is done before its arguments are", "$.item")
        if item.type == "function_call" and item.status != "incomplete" and (wrong := one.arguments.wrong()):
            self.note(f"the arguments: {wrong}", "$.item.arguments", mild=wrong != "cut")
        check_item(self, item, "$.item")
        self._same(one, item, "$.item")

    def _same(self, one: _Open, item: Item, path: str) -> None:
        """Is this what was streamed?"""
        was = one.item
        if (item.type, item.id, item.call_id, item.name) != (was.type, was.id, was.call_id, was.name):
            self.note("type, id, call_id or name changed", path, "openai")
            return
        if item.type in CALLS:
            said = item.arguments if item.type == "function_call" else item.input
            if not isinstance(said, str) or not one.arguments.equals(said):
                self.note("not the arguments that were streamed", path)
        elif item.type in PARTS:
            for member, pieces in (("content", one.content), ("summary", one.summary)):
                parts = parts_of(self, getattr(item, member), f"{path}.{member}")
                if len(parts) != len(pieces):
                    self.note(f"{len(parts)} parts, {len(pieces)} were streamed", f"{path}.{member}")
                    continue
                for part, piece in zip(parts, pieces, strict=True):
                    self._same_part(piece, part, f"{path}.{member}")

    def _same_part(self, piece: _Said, part: Part, path: str) -> None:
        text = part.refusal if part.type == "refusal" else part.text
        if part.type != piece.kind:
            self.note(f"a part {part.type}, added as {piece.kind}", path)
        elif text is None or not piece.equals(text):
            self.note("not the text that was streamed", path)
        elif part.annotations and len(part.annotations) != piece.notes:
            self.note(f"{len(part.annotations)} annotations, {piece.notes} were streamed", f"{path}.annotations")

    # --- parts ------------------------------------------------------------------------------------------------------

    def _part_added(self, event: Event, member: str) -> None:
        one, part = self._at(event), event.part
        if one is None or part is UNSET:
            self.note("no `part`", "$.part")
            return
        pieces: list[_Said] = getattr(one, member)
        index = event.content_index if member == "content" else event.summary_index
        if index != len(pieces):
            self.note(f"part {index}, {len(pieces)} is next", f"$.{member}_index", _PLACE)
        if part.type not in PARTS.get(one.item.type, (part.type,)):
            self.note(f"a part {part.type} of an item {one.item.type}", "$.part.type")
        if part.text or part.refusal:
            self.note("a part starts empty", "$.part")
        pieces.append(_Said(part.type))

    def _piece(self, event: Event, member: str, kind: str = "") -> _Said | None:
        one = self._at(event)
        if one is None:
            return None
        pieces: list[_Said] = one.content if member == "content_index" else one.summary
        index = event.content_index if member == "content_index" else event.summary_index
        if index is None or not 0 <= index < len(pieces):
            self.note(f"part {index}, which was never added", f"$.{member}", _PLACE)
            return None
        piece = pieces[index]
        if kind and piece.kind != kind:
            self.note(f"{event.type} in a part {piece.kind}", "$.type")
        return piece

    def _part_done(self, event: Event, member: str) -> None:
        piece = self._piece(event, f"{member}_index")
        if piece is None or event.part is UNSET:
            self.note("no `part`", "$.part")
            return
        if piece.closed:
            self.note("a part is done twice")
        if not piece.done and piece.kind in _KINDS:
            self.note("a part is done before its text is")
        piece.closed = True
        self._same_part(piece, event.part, "$.part")

    def _annotated(self, event: Event) -> None:
        piece = self._piece(event, "content_index", "output_text")
        if piece is not None:
            if event.annotation_index != piece.notes:
                self.note(f"annotation {event.annotation_index}, {piece.notes} is next", "$.annotation_index")
            if piece.closed:
                self.note("an annotation of a part that is done")
            piece.notes += 1

    # --- texts ------------------------------------------------------------------------------------------------------

    def _text_verb(self, name: str) -> Callable[[Event], None]:
        member, kind = _TEXTS[name]

        def take(event: Event) -> None:
            piece = self._piece(event, member, kind)
            if not isinstance(event.delta, str):
                self.note("no `delta`", "$.delta")
            elif piece is not None:
                if piece.done:
                    self.note("a delta of a text that is done")
                piece.add(event.delta)

        return take

    def _text_done_verb(self, name: str) -> Callable[[Event], None]:
        member, kind = _TEXTS[name]

        def take(event: Event) -> None:
            piece = self._piece(event, member, kind)
            text = event.refusal if kind == "refusal" else event.text
            if piece is None:
                return
            if piece.done:
                self.note("a text is done twice")
            elif text is None or not piece.equals(text):
                self.note("not the text that was streamed", "$.refusal" if kind == "refusal" else "$.text")
            piece.done = True

        return take

    def _input_verb(self, name: str) -> Callable[[Event], None]:
        kind, _ = _INPUTS[name]

        def take(event: Event) -> None:
            one = self._at(event)
            if not isinstance(event.delta, str):
                self.note("no `delta`", "$.delta")
            elif one is not None:
                if one.item.type != kind:
                    self.note(f"{event.type} of an item {one.item.type}", "$.type")
                if one.arguments.done:
                    self.note("a delta of arguments that are done")
                one.arguments.add(event.delta)

        return take

    def _input_done_verb(self, name: str) -> Callable[[Event], None]:
        kind, member = _INPUTS[name]

        def take(event: Event) -> None:
            one, said = self._at(event), getattr(event, member)
            if one is None:
                return
            if one.item.type != kind:
                self.note(f"{event.type} of an item {one.item.type}", "$.type")
            if one.arguments.done:
                self.note("arguments are done twice")
            elif not isinstance(said, str) or not one.arguments.equals(said):
                self.note("not the arguments that were streamed", f"$.{member}")
            one.arguments.done = True

        return take


_KINDS = frozenset(kind for _, kind in _TEXTS.values())


def check_reply(body: bytes) -> list[Violation]:
    """Check a whole response."""
    findings = Findings("OpenAI: The response object")
    response = findings.decoded(_response, body)
    if response is not None:
        check_response(findings, response, response.status, "$")
        if response.status not in ENDS:
            findings.note(f"status {response.status!r}", "$.status")
        for place, item in enumerate(response.output):
            check_item(findings, item, f"$.output[{place}]")
    return findings.take()
