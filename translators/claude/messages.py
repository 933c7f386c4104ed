"""Turns → messages: who speaks when, results beside their calls, seals in their places.

The same turns always give the same messages, and a longer conversation begins with the messages of the shorter one:
prompt caches and Anthropic's check of returned thinking depend on it.
"""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from translators import seals
from translators.claude import wire
from translators.claude.parts import Block, Leaves
from translators.claude.words import ID_LIMIT, NAME, NAME_CHARACTERS, VENDOR
from translators.dialect import Aim
from translators.errors import Unwritable
from translators.losses import Ledger
from translators.model import Request
from translators.names import Names, legal_id
from translators.parts import (
    Audio,
    HostedCall,
    HostedResult,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    Unknown,
)

_IN_ASSISTANT = (Text, Refusal, Audio, HostedCall, HostedResult, Unknown)


class Message(Struct):
    """A message on its way out."""

    role: str
    content: list[Any]


class Conversation(Struct):
    """What `write_conversation` gives. prefill: the model is to go on from the last message's text; marks: id of a
    breakpoint → where it stood.
    """

    system: list[Any]
    messages: list[Message]
    prefill: bool = False
    marks: dict[int, str] = {}


def write_conversation(request: Request, aim: Aim, ledger: Ledger, names: Names) -> Conversation:
    """Write system and turns.

    Rules, as the ledger names them: `system-in-the-middle`, `system-as-user`, `user-turn-in-front`, `call-id`,
    `prefill-as-instruction`, `result-without-call`, `no-result`. The last four repair what the vendor refuses and
    are losses that change meaning as well.

    Raises:
        Unwritable: nothing is left to answer.
    """
    writing = _Writing(request, aim, ledger, names)
    leading = 0
    while leading < len(request.turns) and request.turns[leading].role in ("system", "developer"):
        leading += 1
    first = request.system + [part for turn in request.turns[:leading] for part in turn.parts]
    system = [block for part in first for block in writing.system_block(part)]
    for turn in request.turns[leading:]:
        writing.turn(turn)
    writing.finish()
    if not writing.messages:
        if not system and not first and not request.turns:
            return Conversation([], [])  # there was nothing to lose
        if not system:
            raise Unwritable("no message has any content", "$.messages")
        ledger.apply("system-as-user", request.at.get("system", "$"))
        return Conversation([], [Message("user", system)], marks=writing.leaves.marks)
    if writing.emptied and writing.messages[-1].role == "assistant":
        raise Unwritable("the last message has no content", writing.emptied)
    writing.settle_prefill()
    return Conversation(system, writing.messages, writing.prefill, writing.leaves.marks)


class _Writing:
    """A conversation on its way out."""

    def __init__(self, request: Request, aim: Aim, ledger: Ledger, names: Names) -> None:
        self.native = request.dialect == NAME
        self.aim = aim
        self.ledger = ledger
        self.names = names
        self.leaves = Leaves(aim, ledger)
        self.messages: list[Message] = []
        self.emptied = ""  # path of the last message, if nothing of it could be written
        self.prefill = False
        self.open: dict[str, ToolCall] = {}  # calls of the last assistant message, by the id they went out with
        self.waiting: dict[str, list[str]] = {}  # the client's call id → outgoing ids that have no result yet
        self.results: dict[str, wire.ToolResultBlock] = {}  # of the user message being written
        self.used: set[str] = set()
        self.written = 0  # blocks so far
        self.at = "$"  # path of the turn being written

    # --- who speaks -------------------------------------------------------------------------------------------------

    def turn(self, turn: Turn) -> None:
        """Add a turn, merged into the last message where the role is the same."""
        self.at = turn.at or "$"
        if turn.name:
            self.ledger.lose(f"{turn.at}.name", "name of a speaker")
        if turn.role in ("system", "developer"):
            self.middle(turn)
            return
        before = self.written
        for part in turn.parts:
            if turn.role == "assistant":
                self.say("assistant", self.assistant_block(part), part)
            elif isinstance(part, ToolResult):
                self.result(part)
            else:
                self.say("user", self.leaves.write(part), part)
        self.emptied = (turn.at or "$.messages") if turn.role == "user" and self.written == before else ""

    def speaker(self, role: str) -> list[Any]:
        """The content of the message that `role` is writing; neighbours of one role share one."""
        if not self.messages and role == "assistant":
            self.ledger.apply("user-turn-in-front", self.at)
            self.ledger.lose(self.at, "the conversation begins with the assistant", semantic=True)
            self.messages.append(Message("user", [wire.TextBlock(text=".")]))
        if not self.messages or self.messages[-1].role != role:
            self.settle_results()
            self.messages.append(Message(role, []))
        return self.messages[-1].content

    def say(self, role: str, blocks: list[Block], part: Part) -> None:
        if not blocks:
            return
        self.speaker(role).extend(blocks)
        self.written += len(blocks)
        if isinstance(part, ToolCall):
            self.learn_call(part)

    def system_block(self, part: Part) -> list[Block]:
        """System takes text only."""
        if isinstance(part, Text):
            return self.leaves.text(part)
        self.ledger.lose(part.at, f"{type(part).__name__} in a system prompt", semantic=True)
        return []

    def middle(self, turn: Turn) -> None:
        """System text between turns stays where it is: moved to the top it would rewrite the prefix each turn."""
        follows = bool(self.messages) and self.messages[-1].role == "user" and not self._unanswered()
        if self.aim.traits.system_turns and follows:
            blocks = [block for part in turn.parts for block in self.system_block(part)]
            if blocks:
                self.speaker("system").extend(blocks)
            return
        self.ledger.apply("system-in-the-middle", turn.at, "system-reminder")
        for part in turn.parts:
            if isinstance(part, Text) and part.text.strip():
                wrapped = f"<system-reminder>\n{part.text}\n</system-reminder>"
                reminder = Text(text=wrapped, at=part.at, cache=part.cache, places=part.places)
                self.say("user", self.leaves.text(reminder), part)
            else:
                self.say("user", self.leaves.write(part), part)

    # --- calls and results ------------------------------------------------------------------------------------------

    def assistant_block(self, part: Part) -> list[Block]:
        """The blocks of a part of the model's; none where it cannot be said here (the ledger knows)."""
        match part:
            case Thinking():
                return self.thinking(part)
            case ToolCall():
                return [self.call(part)]
            case _ if isinstance(part, _IN_ASSISTANT):
                return self.leaves.write(part)
            case _:
                self.ledger.lose(part.at, f"{type(part).__name__} in the assistant's turn", semantic=True)
                return []

    def thinking(self, part: Thinking) -> list[Block]:
        """Only the author of a seal can open it, and thinking without its seal is refused."""
        seal = part.seal
        data = seals.for_upstream(seal, self.aim)
        if seal is not None and (whose := seals.foreign(seal, self.aim)):
            for path in part.paths():
                self.ledger.lose(path, f"thinking of {whose}")
        elif seal is None or data is None:
            for path in part.paths():
                self.ledger.lose(path, "thinking without a signature")
        elif seal.kind == "redacted":
            return [wire.RedactedThinkingBlock(data=data)]
        elif seal.kind == "signature":
            return [wire.ThinkingBlock(thinking=part.text, signature=data)]
        else:
            self.ledger.lose(part.at, f"{seal.kind} thinking")
        return []

    def call(self, part: ToolCall) -> Block:
        """A tool call, under an id that is legal here and unique in the request."""
        if part.seal is not None:
            self.ledger.lose(part.place("seal"), f"seal of {part.seal.vendor}")
        identifier = legal_id(part.id, NAME_CHARACTERS, ID_LIMIT)
        count = 1
        unique = identifier
        while unique in self.used:
            count += 1
            unique = f"{identifier}_{count}"
        if unique != part.id:
            self.ledger.apply("call-id", part.at, unique)
        self.used.add(unique)
        self.waiting.setdefault(part.id, []).append(unique)
        return wire.ToolUseBlock(
            id=unique,
            name=self.names.out(part.name, part.namespace),
            input=self.arguments(part),
            caller=self.caller(part),
            cache_control=self.leaves.mark(part),
        )

    def caller(self, part: ToolCall) -> Raw:
        """Who called (the model, or code in a container), which only the vendor itself understands."""
        if part.caller is None or (self.native and self.aim.vendor == VENDOR):
            return part.caller or wire.ABSENT
        self.ledger.lose(part.at, "caller of a tool")
        return wire.ABSENT

    def learn_call(self, part: ToolCall) -> None:
        """The call now stands in the last message: its result belongs into the next one."""
        block = self.messages[-1].content[-1]
        self.open[block.id] = part

    def arguments(self, part: ToolCall) -> Raw:
        """Arguments must be an object here; others are put into one, never repaired."""
        if part.form == "text":
            return Raw(msgspec.json.encode({"input": part.arguments}))
        if not part.arguments.strip():
            return Raw(b"{}")
        try:
            msgspec.json.decode(part.arguments.encode(), type=dict[str, Raw])
        except msgspec.ValidationError:
            self.ledger.apply("arguments-in-object", part.at, "value")
            return Raw(b'{"value":' + part.arguments.encode() + b"}")
        except (msgspec.DecodeError, UnicodeEncodeError):
            self.ledger.apply("arguments-in-object", part.at, "_raw")
            return Raw(msgspec.json.encode({"_raw": part.arguments}))
        return Raw(part.arguments.encode())

    def result(self, part: ToolResult) -> None:
        """A result joins the others of its step; a second one for the same call is added to the first."""
        identifier = self.answered(part.call)
        if identifier is None:
            self.ledger.lose(part.at, "a result without its call", semantic=True)
            self.ledger.apply("result-without-call", part.at)
            label = Text(text=f"[tool result {part.call}]", at=part.at)
            for each in [label, *part.parts]:
                self.say("user", self.leaves.write(each), each)
            return
        self.speaker("user")  # the message must exist, though the block waits for its place
        self.written += 1
        block = self.result_block(part, identifier)
        earlier = self.results.get(identifier)
        if earlier is None:
            self.results[identifier] = block
            return
        self.ledger.apply("results-merged", part.at, identifier)
        earlier.content = _listed(earlier.content) + _listed(block.content)
        earlier.is_error = earlier.is_error or block.is_error

    def answered(self, call: str) -> str | None:
        """The outgoing id a result belongs to: the first unanswered call of that id in the last assistant message."""
        waiting = [each for each in self.waiting.get(call, ()) if each in self.open]
        for each in waiting:
            if each not in self.results:
                return each
        return waiting[-1] if waiting else None

    def result_block(self, part: ToolResult, identifier: str) -> wire.ToolResultBlock:
        """What answers the call of that id."""
        parts, failed = part.parts, part.failed
        if not parts and part.raw is not None:
            text, wrong = _unwrapped(part.raw)
            parts, failed = [Text(text=text, at=part.at)], wrong or failed
        content: str | list[Any] | None
        match parts:
            case [Text(cache=None, citations=[], seal=None, text=text)]:
                content = text or None
            case _:
                content = [block for each in parts for block in self.leaves.write(each)] or None
        return wire.ToolResultBlock(
            tool_use_id=identifier, content=content, is_error=failed, cache_control=self.leaves.mark(part)
        )

    def _unanswered(self) -> list[str]:
        return [identifier for identifier in self.open if identifier not in self.results]

    def settle_results(self) -> None:
        """Before the speaker changes: put the results first, in the order of their calls, and answer the unanswered."""
        if not self.open or not self.messages or self.messages[-1].role != "user":
            return
        found: list[wire.ToolResultBlock] = []
        for identifier, call in self.open.items():
            block = self.results.get(identifier)
            if block is None:
                self.ledger.lose(call.at, "a call without a result", semantic=True)
                self.ledger.apply("no-result", call.at)
                block = wire.ToolResultBlock(tool_use_id=identifier, content="no result was provided", is_error=True)
            found.append(block)
        self.messages[-1].content[:0] = found
        self.open, self.results = {}, {}

    # --- the end ----------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        if self.open and self.messages[-1].role == "assistant":
            self.speaker("user")
        self.settle_results()
        self.messages = [message for message in self.messages if message.content]

    def settle_prefill(self) -> None:
        """A last text of the assistant asks to be gone on from; models that refuse it are asked in words."""
        last = self.messages[-1]
        if last.role != "assistant" or not isinstance(last.content[-1], wire.TextBlock):
            return
        text = last.content[-1].text.rstrip()
        if self.aim.traits.prefill:
            last.content[-1].text = text
            self.prefill = True
            return
        self.ledger.apply("prefill-as-instruction", self.at)
        self.ledger.lose(self.at, "the model takes no beginning of its answer", semantic=True)
        last.content.pop()
        if not last.content:
            self.messages.pop()
        self.speaker("user").append(wire.TextBlock(text=f"Continue from: {text}"))


def _listed(content: str | list[Any] | None) -> list[Any]:
    if isinstance(content, str):
        return [wire.TextBlock(text=content)]
    return list(content or ())


def _unwrapped(raw: Raw) -> tuple[str, bool]:
    """Text of a result object, and whether it says failure: Google's `output`, `result` and `error` stand alone."""
    try:
        said = msgspec.json.decode(raw, type=dict[str, Raw])
        if len(said) == 1:
            key, value = next(iter(said.items()))
            if key in ("output", "result", "error"):
                return msgspec.json.decode(value, type=str), key == "error"
    except msgspec.DecodeError:
        pass
    return bytes(raw).decode(), False
