"""What a Claude client needs of an answer, checked in the bytes it gets.

Source: the vendor's page “Streaming messages”, read November 2026; what anthropic for Python 0.75 to 2.12 (a block's
index is its place) and for JavaScript (nothing before message_start, nothing delivered before message_stop) break on.
"""

from collections.abc import Callable

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from translators.dialect import Violation
from translators.grammar import Arguments, EventStream, Findings

_RULE = "Anthropic: Streaming messages"
_INDEX = "anthropic: a block's index is its place"
_TURN = "agents run calls at tool_use only"


class _Counts(Struct):
    output_tokens: int
    input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class _FirstCounts(_Counts):
    input_tokens: int


class _Block(Struct):
    type: str
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: Raw | UnsetType = UNSET


class _Message(Struct):
    id: str
    type: str
    role: str
    model: str
    content: list[_Block]
    usage: _FirstCounts
    stop_reason: str | None


class _Delta(Struct):
    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    citation: Raw | UnsetType = UNSET
    stop_reason: str | UnsetType = UNSET


class _Error(Struct):
    type: str
    message: str


class _Event(Struct):
    type: str
    index: int = -1
    message: _Message | UnsetType = UNSET
    content_block: _Block | UnsetType = UNSET
    delta: _Delta | UnsetType = UNSET
    usage: _Counts | UnsetType = UNSET
    error: _Error | UnsetType = UNSET


_event = msgspec.json.Decoder(_Event)
_whole = msgspec.json.Decoder(_Message)

_CALLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
_TAKES = {
    "text": {"text_delta": "text", "citations_delta": "citation"},
    "thinking": {"thinking_delta": "thinking", "signature_delta": "signature"},
    "redacted_thinking": {},
    **{kind: {"input_json_delta": "partial_json"} for kind in _CALLS},
}
"""Block → the deltas it takes, and the member each must have. Blocks that are not named take what comes."""
_COMPLETE = frozenset({"end_turn", "tool_use", "stop_sequence"})
"""Stop reasons of a turn that was not cut: its calls are whole."""


class Grammar(EventStream):
    """One for each stream."""

    def __init__(self) -> None:
        super().__init__(_RULE)
        self._state = "new"  # open, told (message_delta), over
        self._next = 0
        self._block: _Block | None = None
        self._signed = False
        self._arguments = Arguments()
        self._cut = -1  # index of a call whose arguments are no whole object
        self._called = False
        self._verbs: dict[str, Callable[[_Event], None]] = {
            "message_start": self._start,
            "content_block_start": self._open,
            "content_block_stop": self._close,
            "message_delta": self._tell,
            "message_stop": self._stop,
        }

    def _event(self, name: bytes, data: bytes) -> None:
        event = self.decoded(_event, data)
        if event is None:
            return
        tag = event.type
        if name != tag.encode():
            self.note(f"event {name.decode(errors='replace')!r} holds {tag!r}", "$.type", "anthropic skips the unnamed")
        if self._state == "over":
            self.note(f"{tag} after the end")
        elif tag == "content_block_delta":
            self._delta(event)
        elif tag == "error":
            self._state = "over"
            if event.error is UNSET:
                self.note("an error without `error`", "$.error")
        elif self._state == "new" and tag != "message_start":
            self.note(f"{tag} before message_start", rule="anthropic for JavaScript throws")
        elif verb := self._verbs.get(tag):
            verb(event)

    def _start(self, event: _Event) -> None:
        if self._state != "new":
            self.note("a second message_start", rule="anthropic for JavaScript throws")
        self._state = "open"
        message = event.message
        if message is UNSET:
            self.note("no `message`", "$.message")
            return
        if (message.type, message.role) != ("message", "assistant"):
            self.note("no message of the assistant", "$.message.type")
        if message.content or message.stop_reason is not None:
            self.note("the answer is not empty at its beginning", "$.message")

    def _open(self, event: _Event) -> None:
        if self._state != "open":
            self.note("a block after message_delta")
        if self._block is not None:
            self.note("a block starts while another is open", "$.index")
        if event.index != self._next:
            self.note(f"block {event.index}, {self._next} is next", "$.index", _INDEX)
        self._next = max(self._next, event.index) + 1
        if event.content_block is UNSET:
            self.note("no `content_block`", "$.content_block")
            return
        block = self._block = event.content_block
        self._signed = False
        self._arguments = Arguments()
        self._called = self._called or block.type == "tool_use"
        _check_block(self, block, "$.content_block", beginning=True)

    def _delta(self, event: _Event) -> None:
        block, delta = self._block, event.delta
        if block is None or event.index != self._next - 1:
            self.note(f"a delta of block {event.index}, which is not open", "$.index", _INDEX)
            return
        if delta is UNSET:
            self.note("no `delta`", "$.delta")
            return
        takes = _TAKES.get(block.type)
        if takes is None:
            return
        member = takes.get(delta.type)
        if member is None:
            self.note(f"{delta.type or 'a delta without type'} in a block {block.type}", "$.delta.type")
            return
        said = getattr(delta, member)
        if said is None or said is UNSET:
            self.note(f"{delta.type} without `{member}`", f"$.delta.{member}")
        elif self._signed:
            self.note(f"{delta.type} after the signature", "$.delta.type")
        elif member == "signature":
            self._signed = True
        elif member == "partial_json":
            self._arguments.add(said)

    def _close(self, event: _Event) -> None:
        block, self._block = self._block, None
        if block is None or event.index != self._next - 1:
            self.note(f"block {event.index} stops, but is not open", "$.index", _INDEX)
        elif block.type in _CALLS and self._arguments.size:
            wrong = self._arguments.wrong()
            if wrong == "cut":
                self._cut = event.index
            elif wrong:
                self.note(f"the input of block {event.index} is {wrong}", "$", "anthropic for JavaScript throws")

    def _tell(self, event: _Event) -> None:
        if self._state == "told":
            self.note("a second message_delta")
        self._state = "told"
        if self._block is not None:
            self.note("message_delta while a block is open")
        if event.usage is UNSET:
            self.note("no `usage`", "$.usage", "anthropic: AttributeError")
        reason = event.delta.stop_reason if event.delta is not UNSET else UNSET
        if reason is UNSET:
            self.note("no stop_reason", "$.delta.stop_reason")
            return
        if self._cut >= 0 and reason in _COMPLETE:
            self.note(f"the input of block {self._cut} is cut short", "$.delta.stop_reason")
        _check_turn(self, reason, "$.delta.stop_reason", called=self._called)

    def _stop(self, event: _Event) -> None:
        if self._state != "told":
            self.note("message_stop without message_delta")
        self._state = "over"

    def _end(self) -> None:
        if self._state != "over":
            self.note("no message_stop and no error at the end", rule="anthropic for JavaScript never delivers")


def _check_turn(findings: Findings, reason: str, path: str, *, called: bool) -> None:
    if called and reason in ("end_turn", "stop_sequence"):
        findings.note(f"a call, and the turn ends with {reason}", path, _TURN)
    elif not called and reason == "tool_use":
        findings.note("the turn ends for a call, and there is none", path, _TURN)


def _check_block(findings: Findings, block: _Block, path: str, *, beginning: bool) -> None:
    kind = block.type
    if kind == "text" and (block.text is None or (beginning and block.text)):
        findings.note('a text starts with `text: ""`' if beginning else "a text without `text`", f"{path}.text")
    elif kind == "thinking" and (block.thinking is None or (beginning and block.thinking)):
        findings.note('thinking starts with `thinking: ""`' if beginning else "no `thinking`", f"{path}.thinking")
    elif kind == "thinking" and not beginning and block.signature is None:
        findings.note("thinking without `signature`", f"{path}.signature")
    elif kind == "redacted_thinking" and not block.data:
        findings.note("redacted_thinking without `data`", f"{path}.data")
    elif kind in _CALLS:
        if not block.id or not block.name:
            findings.note("a call needs id and name", path)
        if block.input is UNSET or bytes(block.input)[:1] != b"{":
            findings.note("the input of a call is an object", f"{path}.input")


def check_reply(body: bytes) -> list[Violation]:
    """Check a whole message."""
    findings = Findings("Anthropic: Messages")
    message = findings.decoded(_whole, body)
    if message is not None:
        if (message.type, message.role) != ("message", "assistant"):
            findings.note("no message of the assistant", "$.type")
        for number, block in enumerate(message.content):
            _check_block(findings, block, f"$.content[{number}]", beginning=False)
        if message.stop_reason is None:
            findings.note("no stop_reason", "$.stop_reason")
        else:
            called = any(block.type == "tool_use" for block in message.content)
            _check_turn(findings, message.stop_reason, "$.stop_reason", called=called)
    return findings.take()
