"""Gemini CLI: Gemini as Code Assist serves it to log-ins, each request and each answer in an envelope.

    {"model": "gemini-2.5-pro", "project": "my-proj-1", "request": {"contents": […], …}}
    {"response": {"candidates": […], …}, "traceId": "…"}          whole, and in every frame of a stream

What is inside is Gemini's dialect. So a Gemini client's bytes pass both ways, but for members that Code Assist does not
know. The envelope is put around a body when everything else is done to it (providers/code_assist_steps.py).

Source: google-gemini/gemini-cli, packages/core/src/code_assist (converter.ts), and CLIProxyAPI v6, read November 2026.
"""

import json
from dataclasses import replace

import msgspec
from msgspec import Raw, Struct

from translators import sse
from translators.dialect import Asked, Dialect
from translators.events import Event
from translators.gemini import DIALECT as GEMINI
from translators.gemini import wire
from translators.gemini.stream import StreamReader
from translators.gemini.unsealing import unseal_body
from translators.losses import Ledger
from translators.pump import Pipe, Pump, Whole
from translators.relay import Relay
from translators.turning import Turning
from translators.unseal import Drop, Unsealed, elements, literal, members, packed

NAME = "gemini-cli"

KNOWN = frozenset(
    {
        "contents", "systemInstruction", "system_instruction", "cachedContent", "cached_content", "tools", "toolConfig",
        "tool_config", "labels", "safetySettings", "safety_settings", "generationConfig", "generation_config",
        "session_id", "sessionId",
    }
)  # fmt: skip
"""What `request` may hold."""
_COUNTED = ("contents", "systemInstruction", "system_instruction", "tools")

_object = msgspec.json.Decoder(dict[str, Raw])


# --- requests -------------------------------------------------------------------------------------------------------


def wrap(body: bytes, model: str, project: str, ledger: Ledger) -> bytes:
    """Put a body into the envelope; its bytes stay as they are unless it has members that are not known there."""
    head: dict[str, str] = {"model": model}
    if project:
        head["project"] = project
    return msgspec.json.encode(head)[:-1] + b',"request":' + bytes(packed_known(body, ledger)) + b"}"


def packed_known(body: bytes, ledger: Ledger) -> bytes:
    """The body without what Code Assist would refuse it for."""
    fields = _object.decode(body)
    strange = [name for name in fields if name not in KNOWN]
    for name in strange:
        del fields[name]
        if name != "model":  # it stands in the envelope
            ledger.lose(f"$.{name}", "Code Assist has no such field")
    return msgspec.json.encode(fields) if strange else body


def wrap_count(body: bytes, model: str) -> bytes:
    """The body of a token count: what is counted, without thoughts, which are refused there."""
    fields = members(body)
    inner = fields.get("generateContentRequest", fields.get("generate_content_request"))
    fields = members(inner) if inner is not None else fields
    request = {"model": Raw(msgspec.json.encode(f"models/{model}"))}
    request |= {name: value for name, value in fields.items() if name in _COUNTED}
    if "contents" in request:
        request["contents"] = packed([one for raw in elements(request["contents"]) for one in _thoughtless(raw)])
    return msgspec.json.encode({"request": request})


def _thoughtless(raw: Raw) -> list[Raw]:
    content = members(raw)
    parts = elements(content.get("parts"))
    kept = [part for part in parts if literal(members(part), "thought") != b"true"]
    if len(kept) == len(parts):
        return [raw]
    return [packed(content | {"parts": packed(kept)})] if kept else []


def unseal(body: bytes, drop: Drop) -> Unsealed:
    """Takes signatures out of a body, in its envelope or without it."""
    fields = members(body)
    if "request" not in fields:
        return unseal_body(body, drop)
    found = unseal_body(bytes(fields["request"]), drop)
    if not found.paths:
        return Unsealed(body, [])
    paths = [f"$.request{path.removeprefix('$')}" for path in found.paths]
    return Unsealed(bytes(packed(fields | {"request": Raw(found.body)})), paths)


# --- answers --------------------------------------------------------------------------------------------------------


class _Envelope(Struct):
    response: Raw = Raw(b"")


_envelope = msgspec.json.Decoder(_Envelope)


def opened(text: bytes) -> bytes:
    """What is in the envelope; a text that is none (an error, JSON of another kind, no JSON) as it is."""
    try:
        return bytes(_envelope.decode(text).response) or text
    except (msgspec.DecodeError, ValueError, RecursionError):
        return _opened_torn(text)


def _opened_torn(text: bytes) -> bytes:
    """The same where half a character stands alone, which only a lenient decoder takes."""
    try:
        tree = json.loads(text)
        return json.dumps(tree["response"], separators=(",", ":")).encode()
    except (ValueError, LookupError, TypeError, RecursionError):
        return text


class _Opening(Struct):
    """An envelope, decoded together with what is in it."""

    response: wire.Chunk | None = None
    traceId: str | None = None


_opening = msgspec.json.Decoder(_Opening, strict=False)


class Reader(StreamReader):
    """Gemini's reader, of what is in the envelopes. The trace's id stands in where an answer has none of its own."""

    def _read(self, text: bytes, out: list[Event]) -> None:
        try:
            said = _opening.decode(text)
        except (msgspec.DecodeError, ValueError, RecursionError):
            said = _Opening()
        chunk = said.response
        if chunk is None:  # no envelope, or one whose inside only a more patient reader takes
            super()._read(opened(text), out)
            return
        if not self._started and not chunk.response_id and said.traceId:
            chunk = msgspec.structs.replace(chunk, response_id=said.traceId)
        self._take(chunk, out)


def read_reply(body: bytes) -> list[Event]:
    """Read a whole answer: one envelope, an array of them, or a stream."""
    reader = Reader()
    return reader.feed(body) + reader.finish()


class Passed(Relay):
    """A stream for a Gemini client: what is in the envelopes, byte for byte."""

    def _pass(self, ready: bytes, closing: bool = False) -> bytes:
        if ready.startswith(b'data: {"response":') and ready.find(b"\n") >= len(ready) - 3:  # nearly always: one frame
            ready = b"data: " + opened(ready[6:].rstrip()) + b"\n\n"
        elif b'"response"' in ready:  # frames that wait for the first word come by once more, opened
            ready = b"".join(_frame(frame.data) for frame in sse.frames(ready))
        return super()._pass(ready, closing) if ready else b""


def _frame(data: bytes) -> bytes:
    return b"data: " + opened(data).replace(b"\n", b" ") + b"\n\n" if data.strip() else b""


class Opened(Whole):
    """A whole answer for a Gemini client: what is in the envelope, byte for byte."""

    def _write(self) -> bytes:
        written = super()._write()
        inner = opened(b"".join(self._body)).strip()
        return inner if written and inner.startswith(b"{") else written


def passing(client: Dialect, asked: Asked, streamed: bool) -> Pump:
    """The pump for a Gemini client."""
    turning = Turning({}, GEMINI.vendor)
    if asked.stream:
        return Passed(client, asked) if streamed and not asked.array else Pipe(client, DIALECT, asked, turning)
    make = Whole if streamed else Opened
    return make(client, DIALECT, asked, turning, streamed=streamed)


DIALECT = replace(
    GEMINI,
    name=NAME,
    variant_of=GEMINI.name,
    stream_reader=Reader,
    read_reply=read_reply,
    unseal=unseal,
    passing=passing,
)
