"""What a client says and hears, in words of no dialect, and the four libraries behind one interface.

A conversation is one user prompt, perhaps a tool round, and the answers. Each library keeps its history the way its own
manual shows, so what goes back on the second turn is what real programs send back.
"""

import base64
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "Name of the city"}},
    "required": ["city"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Prompt:
    """What is asked. tools: the tool `weather` is offered. think: reasoning is asked for."""

    model: str
    text: str = "What is new?"
    system: str = ""
    tools: bool = False
    image: bool = False
    think: bool = False
    limit: int = 4096


class Counts(NamedTuple):
    """Tokens: input with cached, output with reasoning."""

    input: int
    cached: int
    output: int


@dataclass
class Heard:
    """What came back. stop: "end", "length", "tool", "refusal", or the library's own word if it is none of these.

    signed: every block of thinking has a signature, where the dialect has them.
    """

    text: str = ""
    thinking: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    counts: Counts | None = None
    stop: str = ""
    signed: bool = True


class Talker(Protocol):
    """One conversation through one library, in one of its ways of answering."""

    def ask(self, prompt: Prompt) -> Heard:
        """Begin the conversation."""
        ...

    def answer(self, results: list[str]) -> Heard:
        """Answer the calls just heard, in their order."""
        ...
