"""What a Chat Completions client needs of an answer, checked in the bytes it gets.

Source: OpenAI API reference, “Streaming”, read November 2026; the stream helpers of openai for Python 3.54 (joins every
string it sees twice) and for JavaScript (throws at the end where a role, a finish_reason or a call's name is missing).
"""

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from translators.dialect import Violation
from translators.grammar import Arguments, EventStream, Findings, wrong_arguments

_TWICE = "openai for Python joins what comes twice"
_PLACE = "openai: an index is a place in a list"
_WANTED = "openai for JavaScript throws"
_TURN = "agents run calls at tool_calls"


class Counts(Struct):
    """Usage, as much of it as every client reads."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: dict[str, Any] | None = None
    completion_tokens_details: dict[str, Any] | None = None


class Complaint(Struct):
    """An error inside a stream."""

    message: str
    type: str | None = None
    code: str | int | None = None


class _Function(Struct):
    name: str | None = None
    arguments: str | None = None
    input: str | None = None


class _Piece(Struct):
    index: int
    id: str | None = None
    type: str | None = None
    function: _Function | None = None
    custom: _Function | None = None


class _Indexed(Struct):
    index: int


class _Audio(Struct):
    id: str | None = None


class _Delta(Struct):
    role: str | None = None
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_Piece] | None = None
    function_call: _Function | None = None
    audio: _Audio | None = None
    reasoning_details: list[_Indexed] | None = None
    annotations: list[_Indexed] | None = None
    images: list[_Indexed] | None = None


class _ChunkChoice(Struct):
    index: int
    delta: _Delta
    finish_reason: str | None = None


class _Chunk(Struct):
    id: str | UnsetType = UNSET
    object: str = ""
    created: int = -1
    model: str | UnsetType = UNSET
    choices: list[_ChunkChoice] | UnsetType = UNSET
    usage: Counts | UnsetType | None = UNSET
    error: Complaint | UnsetType = UNSET


class Choice:
    """A candidate, as far as it has come."""

    def __init__(self) -> None:
        self.finish = ""
        self.role = self.audio = self.function = False
        self.calls: list[Arguments] = []
        self.custom: set[int] = set()


_chunk = msgspec.json.Decoder(_Chunk)


class Chunks(EventStream):
    """What chunks of both kinds share: constant heads, choices in their order, one finish each, usage last, [DONE]."""

    OBJECT = "chat.completion.chunk"
    ORDERED = True
    """Choices begin in the order of their indexes."""

    def __init__(self) -> None:
        super().__init__("OpenAI: Streaming")
        self._head: tuple[object, ...] = ()
        self._choices: dict[int, Choice] = {}
        self._counts: bool | None = None  # the chunks have a member `usage`
        self._counted = self._failed = self._done = False

    def _event(self, name: bytes, data: bytes) -> None:
        if self._done:
            self.note("data after [DONE]")
        elif data == b"[DONE]":
            self._done = True
            if not self._failed:
                self._whole()
        elif self._failed:
            self.note("a chunk after the error")
        else:
            self._chunk(data)

    def _chunk(self, data: bytes) -> None:
        raise NotImplementedError

    def _about(self, chunk: Any) -> bool:
        """Check what is the same in both kinds; whether there are choices to look at."""
        if chunk.error is not UNSET:
            self._failed = True
            return False
        if chunk.object != self.OBJECT:
            self.note(f"object {chunk.object!r}", "$.object", "openai for Python skips the chunk")
        head = (chunk.id, chunk.model, chunk.created)
        if head != self._head:
            if self._head or UNSET in head or chunk.created < 0:
                self.note("id, model and created stand in every chunk, and stay")
            self._head = head
        if self._counted:
            mild = not chunk.choices and not chunk.usage  # as OpenAI's own, of moderation
            self.note("a chunk after the usage", rule="openai for Python forgets the usage", mild=mild)
        counts = chunk.usage is not UNSET
        if counts is not self._counts and self._counts is not None:
            self.note("`usage` stands in every chunk or in none", "$.usage")
        self._counts = counts
        if chunk.choices is UNSET:
            self.note("no `choices`", "$.choices", "openai: AttributeError")
            return False
        if chunk.usage:
            self._counted = True
            if chunk.choices:
                self.note("usage beside choices", "$.usage")
        elif not chunk.choices:
            self.note("neither choices nor usage", "$.choices", mild=True)
        return True

    def _choice(self, index: int, path: str) -> Choice:
        choice = self._choices.get(index)
        if choice is None:
            if index != len(self._choices) and self.ORDERED:
                self.note(f"choice {index}, {len(self._choices)} is next", f"{path}.index", _PLACE)
            choice = self._choices[index] = Choice()
        return choice

    def _whole(self) -> None:
        """[DONE], and no error: everything must be there."""
        if not self._choices:
            self.note("no choice", rule=_WANTED)
        if sorted(self._choices) != list(range(len(self._choices))):
            self.note(f"choices {sorted(self._choices)}", rule=_PLACE)
        for index, choice in self._choices.items():
            if not choice.finish:
                self.note(f"choice {index} has no finish_reason", rule=_WANTED)
        if self._counts and not self._counted:
            self.note("`usage` in every chunk, and no counts at the end")

    def _end(self) -> None:
        if not self._done and not self._failed:
            self.note("the stream ends without [DONE]")


class Grammar(Chunks):
    """One for each stream."""

    def _chunk(self, data: bytes) -> None:
        chunk = self.decoded(_chunk, data)
        if chunk is None or not self._about(chunk):
            return
        for place, said in enumerate(chunk.choices or ()):
            path = f"$.choices[{place}]"
            self._said(self._choice(said.index, path), said, path)

    def _said(self, choice: Choice, said: _ChunkChoice, path: str) -> None:
        delta = said.delta
        if choice.finish:
            if delta.content or delta.refusal or delta.tool_calls or delta.role or delta.reasoning_content:
                self.note("a delta after the finish_reason", f"{path}.delta")
            if said.finish_reason is not None:
                self.note("a second finish_reason", f"{path}.finish_reason")
            return
        if delta.role is not None:
            if choice.role:
                self.note("the role again", f"{path}.delta.role", _TWICE)
            elif delta.role != "assistant":
                self.note(f"role {delta.role!r}", f"{path}.delta.role")
            choice.role = True
        elif not choice.role:
            choice.role = True
            self.note("the first delta has no role", f"{path}.delta", _WANTED)
        for number, piece in enumerate(delta.tool_calls or ()):
            self._piece(choice, piece, f"{path}.delta.tool_calls[{number}]")
        if delta.function_call is not None:
            self._function(choice, delta.function_call, f"{path}.delta.function_call")
        if delta.audio is not None and delta.audio.id:
            if choice.audio:
                self.note("the audio's id again", f"{path}.delta.audio.id", _TWICE)
            choice.audio = True
        if said.finish_reason is not None:
            self._finish(choice, said.finish_reason, f"{path}.finish_reason")

    def _piece(self, choice: Choice, piece: _Piece, path: str) -> None:
        member = piece.custom if piece.function is None else piece.function
        if piece.index == len(choice.calls):
            choice.calls.append(Arguments())
            if piece.custom is not None:
                choice.custom.add(piece.index)
            kind = "function" if piece.custom is None else "custom"
            if not piece.id or piece.type != kind or member is None or not member.name:
                self.note("the first piece of a call needs id, type and name", path, _WANTED)
            elif (member.arguments if piece.custom is None else member.input) is None:
                self.note("the first piece of a call begins its arguments", path, _WANTED)
        elif not 0 <= piece.index < len(choice.calls):
            self.note(f"call {piece.index}, {len(choice.calls)} is next", f"{path}.index", _PLACE)
            return
        elif piece.id or (member is not None and member.name):
            self.note("id or name of a call again", path, _TWICE)
        if member is not None:
            choice.calls[piece.index].add((member.arguments if piece.custom is None else member.input) or "")

    def _function(self, choice: Choice, function: _Function, path: str) -> None:
        if function.name and choice.function:
            self.note("the name of a call again", f"{path}.name", _TWICE)
        elif not function.name and not choice.function:
            self.note("the first piece of a call needs its name", f"{path}.name", _WANTED)
        choice.function = True

    def _finish(self, choice: Choice, word: str, path: str) -> None:
        choice.finish = word
        _check_turn(self, word, path, called=bool(choice.calls), function=choice.function)
        for index, arguments in enumerate(choice.calls):
            if index not in choice.custom and (wrong := _wrong(arguments.wrong(), word)):
                self.note(f"the arguments of call {index}: {wrong}", path)


def _wrong(wrong: str, word: str) -> str:
    """Arguments may be cut where the answer was."""
    return "" if wrong == "cut" and word in ("length", "content_filter") else wrong


def _check_turn(findings: Findings, word: str, path: str, *, called: bool, function: bool) -> None:
    if word == "stop" and (called or function):
        findings.note("a call, and the turn ends with stop", path, _TURN, mild=True)  # OpenAI's, of a forced call
    elif (word == "tool_calls" and not called) or (word == "function_call" and not function):
        findings.note("the turn ends for a call, and there is none", path, _TURN)


class _Call(Struct):
    id: str
    type: str
    function: _Function | None = None
    custom: _Function | None = None


class _WholeMessage(Struct):
    role: str
    content: str | None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None
    function_call: _Function | None = None
    audio: Any = None


class _WholeChoice(Struct):
    index: int
    message: _WholeMessage
    finish_reason: str


class _Reply(Struct):
    id: str
    object: str
    created: int
    model: str
    choices: list[_WholeChoice]
    usage: Counts | UnsetType = UNSET


_reply = msgspec.json.Decoder(_Reply)


def check_reply(body: bytes) -> list[Violation]:
    """Check a whole completion."""
    findings = Findings("OpenAI: The chat completion object")
    reply = findings.decoded(_reply, body)
    if reply is not None:
        if reply.object != "chat.completion":
            findings.note(f"object {reply.object!r}", "$.object")
        if not reply.choices:
            findings.note("no choice", "$.choices")
        for place, choice in enumerate(reply.choices):
            if choice.index != place:
                findings.note(f"choice {choice.index} in place {place}", f"$.choices[{place}].index", _PLACE)
            _check_choice(findings, choice, f"$.choices[{place}]")
    return findings.take()


def _check_choice(findings: Findings, choice: _WholeChoice, path: str) -> None:
    message, word = choice.message, choice.finish_reason
    if message.role != "assistant":
        findings.note(f"role {message.role!r}", f"{path}.message.role")
    calls = message.tool_calls or []
    for number, call in enumerate(calls):
        at = f"{path}.message.tool_calls[{number}]"
        member = call.function if call.type == "function" else call.custom
        said = None if member is None else member.arguments if call.type == "function" else member.input
        if not call.id or member is None or not member.name or said is None:
            findings.note("a call needs id, type, name and arguments", at)
        elif call.type == "function" and (wrong := _wrong(wrong_arguments(said), word)):
            findings.note(f"the arguments: {wrong}", f"{at}.function.arguments")
    _check_turn(findings, word, f"{path}.finish_reason", called=bool(calls), function=message.function_call is not None)
