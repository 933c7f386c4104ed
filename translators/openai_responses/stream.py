"""A Responses stream, read.

Blocks are found again by output_index: item ids change under way at some hosts, and some never announce an item.
One output_index may carry several blocks of different kinds, for the same reason. What comes in more than one event
(deltas, `….done`, output_item.done, response.completed) is said once: later events only add what was missing.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw

from translators import sse
from translators.errors import Unreadable
from translators.events import (
    ArgumentsDelta,
    BlockClosed,
    BlockOpened,
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    MediaDelta,
    Native,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    UsageSeen,
)
from translators.model import Failure, Seal, Stop, StopReason
from translators.names import made_id
from translators.openai_responses import answers
from translators.openai_responses.answers import OutputItem, OutputPart
from translators.openai_responses.failure import failure_in
from translators.openai_responses.items import CALLS, NAME, OUTPUTS, VENDOR, read_citation
from translators.openai_responses.usage import read_usage

type Key = tuple[str, int, int]  # kind, output_index, content_index (0 for what is no part of a message)

_line = msgspec.json.Decoder(answers.Line)
_item = msgspec.json.Decoder(OutputItem)
_response = msgspec.json.Decoder(answers.Response)

INCOMPLETE: dict[str, StopReason] = {"max_output_tokens": "length", "content_filter": "filter_out"}
"""incomplete_details.reason → why the answer stopped; anything else is `other`."""

_PENDING = frozenset({"queued", "in_progress"})
_SSE = frozenset(b"deir:\n\r\xef")  # what a line of a stream can begin with: data, event, id, retry, a comment, a BOM


class _Slot:
    """One block: what was said in it, so that nothing is said twice."""

    def __init__(self, number: int, key: Key, item: str, *, announced: bool) -> None:
        self.number = number
        self.key = key
        self.item = item
        self.announced = announced
        self.open = True
        self.call = ""
        self.said: list[str] = []  # text, arguments
        self.pieces: dict[int, list[str]] = {}  # of thinking
        self.full = False
        self.cited = 0
        self.sealed = False


class StreamReader:
    """Upstream bytes → events. One for each stream."""

    def __init__(self) -> None:
        self._decoder = sse.Decoder()
        self._whole: list[bytes] | None = None  # a JSON body where a stream was due
        self._fresh = True
        self._answer = AnswerReader()

    def feed(self, chunk: bytes) -> list[Event]:
        """Read a chunk. Raises Unreadable for bytes that are no stream of this dialect."""
        if self._fresh:
            if not chunk.strip():
                return []
            self._fresh = False
            self._look(chunk.lstrip())
        if self._whole is not None:
            self._whole.append(chunk)
            return []
        events: list[Event] = []
        for frame in self._decoder.feed(chunk):
            events += self._answer.read(frame.data)
        return events

    def _look(self, begin: bytes) -> None:
        if begin[:1] in (b"{", b"["):
            self._whole = []
        elif begin[0] not in _SSE:
            text = begin[:80].decode(errors="replace")
            raise Unreadable(f"expected server-sent events, got {text!r}: is this the API's address (…/v1)?")

    def finish(self) -> list[Event]:
        """The upstream closed."""
        if self._whole is not None:
            body = b"".join(self._whole)
            self._whole = None
            return self._finish_whole(body)
        events: list[Event] = []
        for frame in self._decoder.finish():
            try:
                events += self._answer.read(frame.data)
            except Unreadable:
                break  # the frame was cut
        return events + self._answer.end_of_bytes()

    def _finish_whole(self, body: bytes) -> list[Event]:
        lines = [line for line in body.splitlines() if line.strip()]
        if len(lines) > 1 and all(line.lstrip().startswith(b'{"type"') for line in lines):  # events without `data:`
            events = [event for line in lines for event in self._answer.read(line)]
        else:
            events = self._answer.read_whole(body)
        return events + self._answer.end_of_bytes()


class AnswerReader:
    """Events of the wire → events. Knows nothing of framing."""

    def __init__(self) -> None:
        self.over = False
        self._started = False
        self._model = ""
        self._next = 0
        self._calls = 0
        self._refused = False
        self._slots: dict[Key, _Slot] = {}
        self._all: list[_Slot] = []
        self._nameless: dict[int, list[str]] = {}  # arguments of calls whose name is not known yet
        self._verbs: dict[type, Callable[[Any], list[Event]]] = {
            answers.OutputTextDelta: self._text,
            answers.ArgumentsMore: lambda e: self._arguments(e.output_index, e.delta),
            answers.InputMore: lambda e: self._arguments(e.output_index, e.delta),
            answers.SummaryDelta: lambda e: self._think(e.output_index, e.summary_index, e.delta, full=False),
            answers.ReasoningTextDelta: lambda e: self._think(e.output_index, e.content_index, e.delta, full=True),
            answers.RefusalDelta: lambda e: self._say(("refusal", e.output_index, e.content_index), e.delta),
            answers.Lifecycle: self._begin,
            answers.Queued: self._begin,
            answers.InProgress: self._begin,
            answers.Completed: self._complete,
            answers.Done: self._complete,
            answers.IncompleteEnd: self._complete,
            answers.Cancelled: self._complete,
            answers.FailedEnd: lambda e: self._fail(_failure_of(e.response)),
            answers.ItemAdded: self._item_added,
            answers.ItemDone: self._item_done,
            answers.PartAdded: lambda e: [],
            answers.PartDone: self._part_done,
            answers.OutputTextDone: lambda e: self._rest(("text", e.output_index, e.content_index), e.text),
            answers.AnnotationAdded: self._annotation,
            answers.RefusalDone: lambda e: self._rest(("refusal", e.output_index, e.content_index), e.refusal),
            answers.ArgumentsDone: self._arguments_done,
            answers.InputDone: lambda e: self._arguments_rest(e.output_index, e.input),
            answers.SummaryDone: lambda e: self._thought(e.output_index, e.summary_index, e.text, full=False),
            answers.ReasoningTextDone: lambda e: self._thought(e.output_index, e.content_index, e.text, full=True),
        }

    def read(self, data: bytes) -> list[Event]:
        """Read one event. Unknown ones give nothing. Raises Unreadable for what is not JSON."""
        if self.over:
            return []
        try:
            line = _line.decode(data)
        except msgspec.ValidationError:
            return self._odd(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            if data.strip() == b"[DONE]":
                return []
            raise Unreadable(f"an event that is not JSON: {data[:80].decode(errors='replace')!r}") from exc
        return self._verbs[type(line)](line)

    def read_whole(self, body: bytes) -> list[Event]:
        """Read a response object: everything in it is new. Raises Unreadable for what is not one."""
        try:
            tree = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            text = body[:80].decode(errors="replace")
            raise Unreadable(f"expected a JSON object, got {text!r}: is this the API's address (…/v1)?") from exc
        if isinstance(tree, dict) and isinstance(tree.get("response"), dict):
            return self.read(body)
        if not isinstance(tree, dict) or ("output" not in tree and "status" not in tree):
            if isinstance(tree, list) or not tree.get("error", tree.get("detail", tree.get("message"))):
                raise Unreadable("expected a response object")
            return self._fail(failure_in(body))
        response = _read_response(Raw(body))
        if response.status == "failed" or (response.error is not None and not response.output):
            return self._fail(_failure_of(Raw(body)))
        return self._start(response) + self._end(response)

    def end_of_bytes(self) -> list[Event]:
        """Nothing more will come: a failure if the end had not been said."""
        if self.over:
            return []
        return self._fail(Failure(kind="truncated", message="the upstream closed the stream before the end"))

    # --- beginnings and ends ---

    def _odd(self, data: bytes) -> list[Event]:
        """What no struct fits: unknown events, errors, and known events with odd members."""
        tree = msgspec.json.decode(data)
        if not isinstance(tree, dict):
            return []
        tag = tree.get("type")
        if tag == "error" or (tag is None and tree.get("error")):
            return self._fail(failure_in(data))
        if tag is None and tree.get("object") == "response":
            return self.read_whole(data)
        if tag is None and tree.get("detail"):
            return self._fail(failure_in(data))
        return []

    def _begin(self, line: answers.Lifecycle) -> list[Event]:
        return [] if self._started else self._start(_read_response(line.response))

    def _start(self, response: answers.Response) -> list[Event]:
        if self._started:
            return []
        self._started = True
        self._model = response.model or ""
        return [Started(response.id or "", self._model, int(response.created_at or 0))]

    def _complete(self, line: answers.Lifecycle) -> list[Event]:
        response = _read_response(line.response)
        if response.status is None or response.status in _PENDING:
            ends = {answers.IncompleteEnd: "incomplete", answers.Cancelled: "cancelled"}
            response.status = ends.get(type(line), "completed")
        if response.status == "failed":
            return self._fail(_failure_of(line.response))
        return self._start(response) + self._end(response)

    def _end(self, response: answers.Response) -> list[Event]:
        if response.status in _PENDING:
            return self._fail(Failure(kind="truncated", message=f"the answer is not there yet: {response.status}"))
        events = self._never_streamed(response)
        cut = response.status in ("incomplete", "cancelled")
        last = [slot for slot in self._all if slot.open]
        for slot in last:
            events += self._close(slot, complete=not (cut and slot is last[-1]))
        usage = read_usage(response.usage, response.service_tier)
        if usage is not None:
            events.append(UsageSeen(usage))
        self.over = True
        return [*events, Finished(self._stop(response)), Ended()]

    def _stop(self, response: answers.Response) -> Stop:
        details = response.incomplete_details
        native = (details.reason if details else None) or response.status or ""
        match response.status:
            case "incomplete":
                reason = INCOMPLETE.get(native, "other")
            case "cancelled":
                reason = "cancelled"
            case _ if self._calls:
                reason = "tool"
            case _:
                reason = "refusal" if self._refused else "stop"
        return Stop(reason=reason, native=native)

    def _fail(self, failure: Failure) -> list[Event]:
        self.over = True
        cut: list[Event] = [BlockClosed(slot.number, complete=False) for slot in self._all if slot.open]
        return [*cut, Failed(failure)]

    # --- blocks ---

    def _open(self, key: Key, item: str = "", *, announced: bool = False, **opened: Any) -> tuple[_Slot, list[Event]]:
        events: list[Event] = [] if self._started else self._start(answers.Response())
        if key[0] in ("text", "refusal", "thinking"):
            # Nobody will say that an unannounced block is over: the next one of the kind says it.
            for slot in self._all:
                if slot.open and not slot.announced:
                    events += self._close(slot)
        slot = _Slot(self._next, key, item, announced=announced)
        self._next += 1
        self._slots[key] = slot
        self._all.append(slot)
        events.append(BlockOpened(slot.number, key[0], item=item, **opened))  # type: ignore[arg-type]
        return slot, events

    def _close(self, slot: _Slot, *, complete: bool = True) -> list[Event]:
        if not slot.open:
            return []
        slot.open = False
        return [BlockClosed(slot.number, complete)]

    def _text(self, line: answers.OutputTextDelta) -> list[Event]:
        slot = self._slots.get(("text", line.output_index, line.content_index))
        if slot is not None and slot.open and not line.logprobs:
            slot.said.append(line.delta)
            return [TextDelta(slot.number, line.delta)]
        return self._say(("text", line.output_index, line.content_index), line.delta, line.logprobs)

    def _say(self, key: Key, text: str, logprobs: list[Raw] | None = None) -> list[Event]:
        if not text:
            return []
        slot = self._slots.get(key)
        events: list[Event] = []
        if slot is None or not slot.open:
            slot, events = self._open(key)
            self._refused = self._refused or key[0] == "refusal"
        slot.said.append(text)
        events.append(TextDelta(slot.number, text, Raw(msgspec.json.encode(logprobs)) if logprobs else None))
        return events

    def _rest(self, key: Key, whole: str) -> list[Event]:
        """What of `whole` has not been said; if the deltas said something else, they stand."""
        slot = self._slots.get(key)
        said = "".join(slot.said) if slot is not None else ""
        return self._say(key, whole[len(said) :]) if whole.startswith(said) else []

    def _annotation(self, line: answers.AnnotationAdded) -> list[Event]:
        slot = self._slots.get(("text", line.output_index, line.content_index))
        if slot is None or not slot.open:
            return []
        slot.cited += 1
        return [Cited(slot.number, read_citation(line.annotation))]

    def _part_done(self, line: answers.PartDone) -> list[Event]:
        return self._part(line.output_index, line.content_index, line.part) if line.part is not None else []

    def _part(self, index: int, place: int, part: OutputPart) -> list[Event]:
        """A whole part of a message: say the rest, and close it."""
        if part.type == "reasoning_text":
            return self._thought(index, place, part.text or "", full=True)
        refusal = part.type == "refusal"
        key: Key = ("refusal" if refusal else "text", index, place)
        events = self._rest(key, (part.refusal if refusal else part.text) or "")
        slot = self._slots.get(key)
        if slot is None or not slot.open:
            return events
        for raw in (part.annotations or [])[slot.cited :]:
            slot.cited += 1
            events.append(Cited(slot.number, read_citation(raw)))
        return events + self._close(slot)

    def _think(self, index: int, piece: int, text: str, *, full: bool) -> list[Event]:
        if not text:
            return []
        key: Key = ("thinking", index, 0)
        slot = self._slots.get(key)
        events: list[Event] = []
        if slot is None or not slot.open:
            slot, events = self._open(key)
        if slot.pieces and slot.full is not full:
            return events  # the summary and the reasoning itself: the first one to come is shown
        slot.full = full
        slot.pieces.setdefault(piece, []).append(text)
        return [*events, ThinkingDelta(slot.number, text, piece, full)]

    def _thought(self, index: int, piece: int, whole: str, *, full: bool) -> list[Event]:
        slot = self._slots.get(("thinking", index, 0))
        if slot is not None and slot.pieces and slot.full is not full:
            return []
        said = "".join(slot.pieces.get(piece, [])) if slot is not None else ""
        return self._think(index, piece, whole[len(said) :], full=full) if whole.startswith(said) else []

    def _arguments(self, index: int, text: str) -> list[Event]:
        slot = self._slots.get(("tool", index, 0))
        if slot is None:
            self._nameless.setdefault(index, []).append(text)
            return []
        if not slot.open or not text:
            return []
        slot.said.append(text)
        return [ArgumentsDelta(slot.number, text)]

    def _arguments_done(self, line: answers.ArgumentsDone) -> list[Event]:
        if ("tool", line.output_index, 0) not in self._slots and line.name:
            item = OutputItem(type="function_call", name=line.name, id="")
            return self._call(line.output_index, item) + self._arguments_rest(line.output_index, line.arguments)
        return self._arguments_rest(line.output_index, line.arguments)

    def _arguments_rest(self, index: int, whole: str) -> list[Event]:
        slot = self._slots.get(("tool", index, 0))
        said = "".join(slot.said if slot is not None else self._nameless.get(index, []))
        return self._arguments(index, whole[len(said) :]) if whole.startswith(said) else []

    def _call(self, index: int, item: OutputItem) -> list[Event]:
        """Open a call; without a name it waits for one."""
        if not item.name:
            return []
        call = item.call_id or item.id or made_id(self._calls, item.name, "")
        self._calls += 1
        slot, events = self._open(
            ("tool", index, 0),
            item.id or "",
            announced=True,
            id=call,
            name=item.name,
            form="text" if item.type == "custom_tool_call" else "json",
            namespace=item.namespace or "",
        )
        slot.call = call
        for text in self._nameless.pop(index, []):
            events += self._arguments(index, text)
        return events

    # --- items ---

    def _item_added(self, line: answers.ItemAdded) -> list[Event]:
        item = _read_item(line.item)
        index = line.output_index
        match item.type:
            case "function_call" | "custom_tool_call":
                slot = self._slots.get(("tool", index, 0))
                if slot is None:
                    return self._call(index, item)
                if slot.call in (item.call_id, item.id):
                    return []  # said twice
                return self._close(slot) + self._call(index, item)
            case "reasoning":
                slot = self._slots.get(("thinking", index, 0))
                if slot is not None and (slot.open or slot.item == item.id):
                    return []
                return self._open(("thinking", index, 0), item.id or "", announced=True)[1]
            case _:
                return []  # a message opens with its first part, a hosted call when it is complete

    def _item_done(self, line: answers.ItemDone) -> list[Event]:
        return self._whole_item(line.output_index, line.item)

    def _whole_item(self, index: int, raw: Raw) -> list[Event]:
        """A complete item: say what was not said, and close its blocks."""
        item = _read_item(raw)
        match item.type:
            case "message":
                return self._whole_message(index, item)
            case "function_call" | "custom_tool_call":
                return self._whole_call(index, item)
            case "reasoning":
                return self._whole_reasoning(index, item)
            case "":
                return []
            case "image_generation_call" if (data := _string(item.result)) is not None:
                mime = f"image/{item.output_format or 'png'}"
                return self._at_once("image", index, item, MediaDelta(self._next, mime, data))
            case tag if tag in CALLS:
                return self._at_once("hosted", index, item, Native(self._next, raw), CALLS[tag])
            case tag if tag in OUTPUTS:
                return self._at_once("hosted_result", index, item, Native(self._next, raw), OUTPUTS[tag])
            case tag:
                return self._at_once("unknown", index, item, Native(self._next, raw), tag)

    def _whole_message(self, index: int, item: OutputItem) -> list[Event]:
        events: list[Event] = []
        for place, part in enumerate(item.content or []):
            events += self._part(index, place, part)
        for slot in self._all:
            if slot.open and slot.key[0] in ("text", "refusal") and slot.key[1] == index:
                events += self._close(slot)
        return events

    def _whole_call(self, index: int, item: OutputItem) -> list[Event]:
        whole = _argument_text(item)
        slot = self._slots.get(("tool", index, 0))
        events: list[Event] = []
        if slot is None or (item.call_id and slot.call not in (item.call_id, item.id)):
            events = self._close(slot) if slot is not None else []
            self._slots.pop(("tool", index, 0), None)
            events += self._call(index, item)
        events += self._arguments_rest(index, whole)
        slot = self._slots.get(("tool", index, 0))
        return events + self._close(slot, complete=item.status != "incomplete") if slot is not None else events

    def _whole_reasoning(self, index: int, item: OutputItem) -> list[Event]:
        key: Key = ("thinking", index, 0)
        slot = self._slots.get(key)
        events: list[Event] = []
        if slot is None or (not slot.open and item.id and slot.item != item.id):
            slot, events = self._open(key, item.id or "", announced=True)
        elif not slot.open:
            return []
        pieces, full = (item.summary, False) if item.summary else (_texts(item.content), True)
        for place, part in enumerate(pieces or []):
            events += self._thought(index, place, part.text or "", full=full)
        if item.encrypted_content:
            seal = Seal("encrypted", item.encrypted_content, VENDOR, self._model, item=item.id or slot.item)
            events.append(Sealed(slot.number, seal))
        return events + self._close(slot)

    def _at_once(self, kind: str, index: int, item: OutputItem, content: Event, name: str = "") -> list[Event]:
        if any(slot.key[0] == kind and slot.item == (item.id or "") and slot.key[1] == index for slot in self._all):
            return []
        events: list[Event] = [] if self._started else self._start(answers.Response())
        vendor = "" if kind == "image" else NAME if kind == "unknown" else VENDOR
        call = "" if kind in ("image", "unknown") else item.call_id or item.id or ""
        slot, opened = self._open((kind, index, 0), item.id or "", announced=True, id=call, name=name, vendor=vendor)
        return [*events, *opened, content, *self._close(slot)]

    def _never_streamed(self, response: answers.Response) -> list[Event]:
        """Items of the final output that no event before has told of."""
        return Comparison(self._all, self._slots).missing(response.output or [], self._whole_item)


class Comparison:
    """What was streamed against the final output, in which indices may have moved."""

    def __init__(self, slots: list[_Slot], by_key: dict[Key, _Slot]) -> None:
        self._by_key = by_key
        self._ids = {slot.item for slot in slots if slot.item}
        self._calls = {slot.call: slot for slot in slots if slot.call}
        self._texts = Counter("".join(slot.said) for slot in slots if slot.key[0] in ("text", "refusal"))
        self._last = max((slot.key[1] for slot in slots), default=-1)

    def missing(self, output: list[Raw], whole: Callable[[int, Raw], list[Event]]) -> list[Event]:
        """Events for what is new in `output`; an item that was seen only gets its rest."""
        events: list[Event] = []
        for index, raw in enumerate(output):
            item = _read_item(raw)
            place = self._place(index, item)
            if place is not None:
                events += whole(place, raw)
        return events

    def _place(self, index: int, item: OutputItem) -> int | None:
        """The output_index under which to read an item; None if it has all been said."""
        if item.type in ("function_call", "custom_tool_call"):
            slot = self._calls.get(item.call_id or item.id or "")
            return slot.key[1] if slot is not None and self._by_key.get(slot.key) is slot else self._fresh("tool", index)
        if item.type == "message":
            texts = [text for part in item.content or [] if (text := part.text or part.refusal)]
            if texts and all(self._texts[text] > 0 for text in texts):
                self._texts.subtract(texts)
                return None
            known = any(("text", index, place) in self._by_key for place in range(len(texts)))
            return index if known else self._fresh("text", index)
        if item.id and item.id in self._ids:
            return None
        kind = "thinking" if item.type == "reasoning" else ""
        return index if (kind, index, 0) in self._by_key else self._fresh(kind, index)

    def _fresh(self, kind: str, index: int) -> int:
        """`index`, or one nobody has used if another block of the kind stands there."""
        if (kind, index, 0) not in self._by_key:
            return index
        self._last += 1
        return max(self._last, index)


def _read_response(raw: Raw) -> answers.Response:
    """A response object; of an odd one, what can be read."""
    try:
        return _response.decode(raw)
    except msgspec.ValidationError:
        tree = msgspec.json.decode(raw)
    found = answers.Response()
    for name, value in tree.items() if isinstance(tree, dict) else ():
        if name in ("id", "status", "model") and isinstance(value, str):
            setattr(found, name, value)
        elif name == "output" and isinstance(value, list):
            found.output = [Raw(msgspec.json.encode(item)) for item in value]
        elif name in ("usage", "error") and value is not None:
            setattr(found, name, Raw(msgspec.json.encode(value)))
    return found


def _read_item(raw: Raw) -> OutputItem:
    """An item; of an odd one, the strings that tell what it is."""
    try:
        return _item.decode(raw)
    except msgspec.ValidationError:
        tree = msgspec.json.decode(raw)
    if not isinstance(tree, dict):
        return OutputItem()
    names = ("type", "id", "call_id", "name", "namespace", "status", "encrypted_content")
    return OutputItem(**{name: tree[name] for name in names if isinstance(tree.get(name), str)})


def _failure_of(response: Raw) -> Failure:
    """The failure in a response that failed."""
    found = _read_response(response).error
    if found is None or bytes(found) == b"null":
        return Failure(kind="server", message="the upstream says the response failed, not why", status=500)
    return failure_in(found)


def _string(raw: Raw | None) -> str | None:
    if raw is None:
        return None
    value = msgspec.json.decode(raw)
    return value if isinstance(value, str) else None


def _argument_text(item: OutputItem) -> str:
    """Arguments or input as text, even where the host wrote the object itself."""
    raw = item.input if item.type == "custom_tool_call" else item.arguments
    if raw is None:
        return ""
    text = _string(raw)
    return bytes(raw).decode() if text is None else text


def _texts(parts: list[OutputPart] | None) -> list[OutputPart]:
    return [part for part in parts or [] if part.text]
