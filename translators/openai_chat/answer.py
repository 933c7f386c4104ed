"""The nouns of an answer, whole or in chunks, and a decoder that forgives compatible hosts their wrong types.

Source: OpenAI API reference, “The chat completion object” and “The chat completion chunk object”, read November 2026.
A whole answer's `message` and a chunk's `delta` have the same members; one struct reads both.
"""

import re
from typing import Any

import msgspec
from msgspec import Raw, Struct

from translators.halves import keep_halves
from translators.openai_chat.usage import UsageWire
from translators.openai_chat.wire import ABSENT, Annotation, Call, Detail, ExtraContent, Function, ImageUrl, Part


class AudioPiece(Struct, gc=False):
    """Audio output; data and transcript come in pieces."""

    id: str | None = None
    data: str | None = None
    transcript: str | None = None


class ImagePiece(Struct, gc=False):
    """An image of the answer (an extension: OpenRouter)."""

    image_url: ImageUrl | None = None


class Delta(Struct, gc=False):
    """What a chunk adds to a choice, or a whole message. Mistral's content may be a list of parts."""

    role: str | None = None
    content: str | list[Part] | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None
    function_call: Function | None = None
    audio: AudioPiece | None = None
    annotations: list[Annotation] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[Detail] | None = None
    extra_content: ExtraContent | None = None
    images: list[ImagePiece] | None = None


class LogprobsWire(Struct, gc=False):
    """Lists of token objects; opaque here."""

    content: Raw = ABSENT
    refusal: Raw = ABSENT


class AnswerChoice(Struct, gc=False):
    """One candidate, or a piece of it."""

    index: int | None = None
    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: str | None = None
    logprobs: LogprobsWire | None = None
    error: Raw = ABSENT


class GroqExtra(Struct):
    """Groq puts the usage of a stream here."""

    usage: UsageWire | None = None


class Chunk(Struct, gc=False):
    """A chunk of a stream, or a whole answer."""

    id: str | None = None
    created: int | float | None = None
    model: str | None = None
    choices: list[AnswerChoice] | None = None
    usage: UsageWire | None = None
    service_tier: str | None = None
    error: Raw = ABSENT
    x_groq: GroqExtra | None = None


decode_chunk = msgspec.json.Decoder(Chunk).decode
"""JSON as it should be → Chunk. What it refuses is for a ChunkDecoder."""

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


class ChunkDecoder:
    """JSON → Chunk. `torn` is set once an upstream has cut a character in two (`\\ud83d` alone in a string)."""

    def __init__(self) -> None:
        self.torn = False

    def decode(self, data: bytes) -> Chunk:
        """Decode; a member of a wrong type is left out. Raises ValueError for what is not a JSON object."""
        try:
            return decode_chunk(data)
        except msgspec.ValidationError:
            return self._forgive(data)
        except msgspec.DecodeError:
            whole = keep_halves(data)
            if whole == data:
                raise
            self.torn = True
            return self.decode(whole)

    def _forgive(self, data: bytes) -> Chunk:
        tree: Any = msgspec.json.decode(data)
        while True:
            try:
                return decode_chunk(msgspec.json.encode(tree))
            except msgspec.ValidationError as error:
                if not _prune(tree, str(error).partition(" - at `")[2].rstrip("`")):
                    raise ValueError(f"expected a JSON object, got {data[:60]!r}") from None


def _prune(tree: Any, path: str) -> bool:
    """Take out the node at `path` ("$.choices[0].index"; "[...]" ends at the object that holds it)."""
    steps: list[str | int] = [name or int(place) for name, place in _STEP.findall(path.partition("[...]")[0])]
    if not steps:
        return False
    for step in steps[:-1]:
        tree = tree[step]
    del tree[steps[-1]]
    return True
