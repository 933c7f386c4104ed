"""What a client of legacy completions needs of an answer, checked in the bytes it gets.

Source: OpenAI API reference, “The completion object (legacy)”, read November 2026.
"""

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from translators.dialect import Violation
from translators.grammar import Findings
from translators.openai_chat.grammar import Chunks, Complaint, Counts


class _ChunkChoice(Struct):
    index: int
    text: str
    logprobs: dict[str, Any] | None = None
    finish_reason: str | None = None


class _Chunk(Struct):
    id: str | UnsetType = UNSET
    object: str = ""
    created: int = -1
    model: str | UnsetType = UNSET
    choices: list[_ChunkChoice] | UnsetType = UNSET
    usage: Counts | UnsetType | None = UNSET
    error: Complaint | UnsetType = UNSET


_chunk = msgspec.json.Decoder(_Chunk)


class Grammar(Chunks):
    """One for each stream."""

    OBJECT = "text_completion"
    ORDERED = False

    def _chunk(self, data: bytes) -> None:
        chunk = self.decoded(_chunk, data)
        if chunk is None or not self._about(chunk):
            return
        for place, said in enumerate(chunk.choices or ()):
            path = f"$.choices[{place}]"
            choice = self._choice(said.index, path)
            if choice.finish and (said.text or said.finish_reason is not None):
                self.note("more of a choice that has finished", path)
            choice.finish = said.finish_reason or choice.finish


class _WholeChoice(Struct):
    index: int
    text: str
    finish_reason: str
    logprobs: dict[str, Any] | None = None


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
    findings = Findings("OpenAI: The completion object")
    reply = findings.decoded(_reply, body)
    if reply is not None:
        if reply.object != "text_completion":
            findings.note(f"object {reply.object!r}", "$.object")
        if not reply.choices:
            findings.note("no choice", "$.choices")
        for place, choice in enumerate(reply.choices):
            if choice.index != place:
                findings.note(f"choice {choice.index} in place {place}", f"$.choices[{place}].index")
    return findings.take()
