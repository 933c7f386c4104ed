"""A Responses stream, read.

One decode an event: a tagged union knows the events that mean something. What fits none of its shapes is looked at
once more, for errors; the rest (progress of hosted tools, rate limits, events of tomorrow) is passed over.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw

from translators import sse
from translators.errors import Unreadable
from translators.events import BlockClosed, Ended, Event, Failed, Finished, TextDelta, UsageSeen
from translators.halves import Halves
from translators.model import Failure, Stop, StopReason
from translators.openai_responses import answers
from translators.openai_responses.answers import OutputItem
from translators.openai_responses.blocks import Blocks
from translators.openai_responses.failure import failure_in
from translators.openai_responses.output import Comparison, item_added, item_done
from translators.openai_responses.usage import read_usage
from translators.openai_responses.wire import given

_line = msgspec.json.Decoder(answers.Line)
_response = msgspec.json.Decoder(answers.Response)

INCOMPLETE: dict[str, StopReason] = {"max_output_tokens": "length", "content_filter": "filter_out"}
"""incomplete_details.reason → why the answer stopped; anything else is `other`."""

_PENDING = frozenset({"queued", "in_progress"})
_SSE = frozenset(b"deir:\n\r\xef")  # what a line of a stream can begin with: data, event, id, retry, a comment, a BOM


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
        return self._answer.halves.mend(events)

    def _look(self, begin: bytes) -> None:
        if begin[:1] in (b"{", b"["):
            self._whole = []
        elif begin[0] not in _SSE:
            raise Unreadable(f"expected server-sent events, got {_begin_of(begin)}: is this the API's address (…/v1)?")

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
        return self._answer.halves.mend(events + self._answer.end_of_bytes())

    def _finish_whole(self, body: bytes) -> list[Event]:
        lines = [line for line in body.splitlines() if line.strip()]
        if len(lines) > 1 and all(line.lstrip().startswith(b'{"type"') for line in lines):  # events without `data:`
            events = [event for line in lines for event in self._answer.read(line)]
        else:
            events = self._answer.read_whole(body)
        return self._answer.halves.mend(events + self._answer.end_of_bytes())


class AnswerReader:
    """Events of the wire → events. Knows nothing of framing."""

    def __init__(self) -> None:
        self.over = False
        self.halves = Halves()
        self._blocks = blocks = Blocks()
        self._verbs: dict[type, Callable[[Any], list[Event]]] = {
            answers.OutputTextDelta: self._text,
            answers.ArgumentsMore: lambda e: blocks.argue(e.output_index, e.delta),
            answers.InputMore: lambda e: blocks.argue(e.output_index, e.delta),
            answers.SummaryDelta: lambda e: blocks.think(e.output_index, e.summary_index, e.delta, full=False),
            answers.ReasoningTextDelta: lambda e: blocks.think(e.output_index, e.content_index, e.delta, full=True),
            answers.RefusalDelta: lambda e: blocks.say(("refusal", e.output_index, e.content_index), e.delta),
            answers.Lifecycle: self._begin,
            answers.Queued: self._begin,
            answers.InProgress: self._begin,
            answers.Completed: self._complete,
            answers.Done: self._complete,
            answers.IncompleteEnd: self._complete,
            answers.Cancelled: self._complete,
            answers.FailedEnd: lambda e: self._fail(_failure_of(e.response)),
            answers.ItemAdded: lambda e: item_added(blocks, e.output_index, e.item),
            answers.ItemDone: lambda e: item_done(blocks, e.output_index, e.item),
            answers.PartAdded: lambda e: [],
            answers.PartDone: lambda e: blocks.part(e.output_index, e.content_index, e.part) if e.part else [],
            answers.OutputTextDone: lambda e: blocks.rest(("text", e.output_index, e.content_index), e.text),
            answers.AnnotationAdded: lambda e: blocks.cite(("text", e.output_index, e.content_index), [e.annotation]),
            answers.RefusalDone: lambda e: blocks.rest(("refusal", e.output_index, e.content_index), e.refusal),
            answers.ArgumentsDone: self._arguments_done,
            answers.InputDone: lambda e: blocks.argued(e.output_index, e.input),
            answers.SummaryDone: lambda e: blocks.thought(e.output_index, e.summary_index, e.text, full=False),
            answers.ReasoningTextDone: lambda e: blocks.thought(e.output_index, e.content_index, e.text, full=True),
        }

    def _text(self, line: answers.OutputTextDelta) -> list[Event]:
        key = ("text", line.output_index, line.content_index)
        slot = self._blocks.slots.get(key)
        if slot is not None and slot.open and not line.logprobs:  # nearly every event there is
            slot.said.append(line.delta)
            return [TextDelta(slot.number, line.delta)]
        return self._blocks.say(key, line.delta, line.logprobs)

    def _arguments_done(self, line: answers.ArgumentsDone) -> list[Event]:
        events: list[Event] = []
        if ("tool", line.output_index, 0) not in self._blocks.slots and line.name:
            events = self._blocks.call(line.output_index, OutputItem(type="function_call", name=line.name))
        return events + self._blocks.argued(line.output_index, line.arguments)

    def read(self, data: bytes) -> list[Event]:
        """Read one event. Unknown ones give nothing. Raises Unreadable for what is not JSON."""
        if self.over:
            return []
        try:
            line = _line.decode(data)
        except msgspec.ValidationError:
            return self._odd(_tree(data))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if (kept := self.halves.keep(data)) is not None:
                return self.read(kept)
            return [] if data.strip() == b"[DONE]" else self._odd(_tree(data))
        return self._verbs[type(line)](line)

    def read_whole(self, body: bytes) -> list[Event]:
        """Read a response object: everything in it is new. Raises Unreadable for what is not one."""
        try:
            tree = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            if (kept := self.halves.keep(body)) is not None:
                return self.read_whole(kept)
            raise Unreadable(
                f"expected a JSON object, got {_begin_of(body)}: is this the API's address (…/v1)?"
            ) from exc
        if isinstance(tree, dict) and isinstance(tree.get("response"), dict):
            return self.read(body)
        if not isinstance(tree, dict) or ("output" not in tree and "status" not in tree):
            if not isinstance(tree, dict) or not tree.get("error", tree.get("detail", tree.get("message"))):
                raise Unreadable("expected a response object")
            return self._fail(failure_in(body))
        response = _read_response(Raw(body))
        if response.status == "failed" or (given(response.error) and not response.output):
            return self._fail(_failure_of(Raw(body)))
        return self._blocks.start(response) + self._end(response)

    def end_of_bytes(self) -> list[Event]:
        """Nothing more will come: a failure if the end had not been said."""
        if self.over:
            return []
        return self._fail(Failure(kind="truncated", message="the upstream closed the stream before the end"))

    # --- beginnings and ends ---

    def _odd(self, tree: Any) -> list[Event]:
        """What no struct fits: unknown events, errors, and known events with odd members."""
        if not isinstance(tree, dict):
            return []
        tag = tree.get("type")
        if tag == "error" or (tag is None and (tree.get("error") or tree.get("detail"))):
            return self._fail(failure_in(msgspec.json.encode(tree)))
        if tag is None and tree.get("object") == "response":
            return self.read_whole(msgspec.json.encode(tree))
        return []

    def _begin(self, line: answers.Lifecycle) -> list[Event]:
        return [] if self._blocks.started else self._blocks.start(_read_response(line.response))

    def _complete(self, line: answers.Lifecycle) -> list[Event]:
        response = _read_response(line.response)
        if response.status is None or response.status in _PENDING:
            ends = {answers.IncompleteEnd: "incomplete", answers.Cancelled: "cancelled"}
            response.status = ends.get(type(line), "completed")
        if response.status == "failed":
            return self._fail(_failure_of(line.response))
        return self._blocks.start(response) + self._end(response)

    def _end(self, response: answers.Response) -> list[Event]:
        if response.status in _PENDING:
            return self._fail(Failure(kind="truncated", message=f"the answer is not there yet: {response.status}"))
        events = Comparison(self._blocks).missing(response.output or [])
        cut = response.status in ("incomplete", "cancelled")
        last = [slot for slot in self._blocks.all if slot.open]
        for slot in last:
            events += self._blocks.close(slot, complete=not (cut and slot is last[-1]))
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
            case _ if self._blocks.calls:
                reason = "tool"
            case _:
                reason = "refusal" if self._blocks.refused else "stop"
        return Stop(reason=reason, native=native)

    def _fail(self, failure: Failure) -> list[Event]:
        self.over = True
        cut: list[Event] = [BlockClosed(slot.number, complete=False) for slot in self._blocks.all if slot.open]
        return [*cut, Failed(failure)]


def _begin_of(body: bytes) -> str:
    """How a body begins, in an error; of a page nothing."""
    return "a page" if body.lstrip()[:1] == b"<" else repr(body[:80].decode(errors="replace"))


def _tree(data: bytes) -> Any:
    """An event as plain JSON; the struct decoder may stop before it sees that there is more, or not enough."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise Unreadable(f"an event that is not JSON: {data[:80].decode(errors='replace')!r}") from exc


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


def _failure_of(response: Raw) -> Failure:
    """The failure in a response that failed."""
    found = given(_read_response(response).error)
    if found is None:
        return Failure(kind="server", message="the upstream says the response failed, not why", status=500)
    return failure_in(found)
