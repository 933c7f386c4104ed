"""Whole answers: a chat.completion object ⇄ events and Reply.

Source: OpenAI API reference, “The chat completion object”, read November 2026.
"""

from typing import Any

import msgspec
from msgspec import Raw

from translators import losses
from translators.dialect import Asked
from translators.errors import Unreadable
from translators.events import Event, Failed
from translators.fold import Broken
from translators.losses import Ledger
from translators.model import Candidate, Failure, Reply
from translators.openai_chat.answer import ChunkDecoder
from translators.openai_chat.assembly import Assembly, index_of
from translators.openai_chat.failure import PAGE, is_error, read_failure
from translators.openai_chat.media import data_url
from translators.openai_chat.says import (
    BAD_CALL,
    SECOND_AUDIO,
    SECOND_CALL,
    call_id,
    is_legacy,
    reply_id,
    write_annotation,
    write_detail,
    write_google,
)
from translators.openai_chat.usage import write_stop, write_tier, write_usage
from translators.parts import (
    Audio,
    HostedCall,
    HostedResult,
    Image,
    Inline,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    Unknown,
)


def read_tree_failure(body: bytes) -> Failure | None:
    """The failure that a JSON body without choices describes, or None if it describes none."""
    tree: Any = msgspec.json.decode(body)
    return read_failure(200, {}, body) if is_error(tree) else None


def read_reply(body: bytes) -> list[Event]:
    """Read a whole answer as events.

    An error body that came with status 200 gives [Failed]; so does an answer without choices.

    Raises:
        Unreadable: not one JSON value (HTML, an empty body, lines of JSON).
    """
    decoder, assembly = ChunkDecoder(), Assembly()
    out: list[Event] = []
    try:
        failure = read_tree_failure(body)
        if failure is not None:
            return [Failed(failure)]
        chunk = decoder.decode(body)
    except ValueError as error:
        if body.lstrip()[:1] == b"<":
            raise Unreadable(PAGE) from None
        raise Unreadable(f"the upstream's answer is no JSON object of this API: {error}") from None
    assembly.torn = decoder.torn
    if not chunk.choices:
        return [Failed(Failure(kind="upstream", message="the upstream's answer has no choices"))]
    assembly.take(chunk, out, whole=True)
    for choice in chunk.choices:
        if choice.finish_reason is None:
            assembly.conclude(index_of(choice))
    assembly.end(out)
    return out


# --- towards the client ---------------------------------------------------------------------------------------------


def write_reply(reply: Reply, asked: Asked) -> bytes:
    """Write a chat.completion object.

    Texts of a candidate are joined; calls follow them. Hosted calls and their results have no words here (the
    ledger says so).

    Raises:
        Broken: the upstream's model made an unusable call and said nothing else; there is no answer to show.
    """
    legacy = is_legacy(asked)
    _lose(reply, legacy, asked.ledger)
    body: dict[str, Any] = {
        "id": reply_id(reply.id, asked),
        "object": "chat.completion",
        "created": reply.created or asked.now,
        "model": asked.model or reply.model,
        "choices": [_choice(candidate, legacy, asked.ledger) for candidate in reply.candidates],
        "usage": write_usage(reply.usage),
    }
    if tier := write_tier(reply.usage):
        body["service_tier"] = tier
    return msgspec.json.encode(body)


def _lose(reply: Reply, legacy: bool, ledger: Ledger) -> None:
    """What has no words here, in those of the stream."""
    number = -1
    for candidate in reply.candidates:
        calls = audios = 0
        for part in candidate.parts:
            number += 1
            match part:
                case Text(citations=citations):
                    for _ in (citation for citation in citations if not citation.url):
                        ledger.lose(f"blocks[{number}].citations", losses.CITATIONS)
                case HostedCall(kind=kind) | HostedResult(kind=kind) | Unknown(tag=kind):
                    ledger.lose(f"blocks[{number}]", losses.no_place(kind), semantic=True)
                case ToolCall():
                    calls += 1
                    if legacy and calls > 1:
                        ledger.lose(f"blocks[{number}]", losses.no_place(SECOND_CALL), semantic=True)
                case Audio():
                    audios += 1
                    if audios > 1:
                        ledger.lose(f"blocks[{number}]", losses.no_place(SECOND_AUDIO), semantic=True)
                case _:
                    pass


def _choice(candidate: Candidate, legacy: bool, ledger: Ledger) -> dict[str, Any]:
    stop = candidate.stop
    if stop.reason == "bad_call" and not candidate.parts:
        raise Broken(BAD_CALL)
    message = _message(candidate.parts)
    refusal = "".join(part.text for part in candidate.parts if isinstance(part, Refusal))
    if stop.reason == "refusal" and not refusal and not message["content"]:
        message["refusal"], message["content"] = stop.explanation or None, None
    elif stop.explanation:
        ledger.lose(f"candidates[{candidate.index}].stop", losses.EXPLANATION)
    calls = message.get("tool_calls")
    finish = write_stop(stop, bool(refusal), bool(calls))
    function = next((call["function"] for call in calls or () if "function" in call), None)
    if legacy and function is not None:
        message["function_call"] = function
        del message["tool_calls"]
        finish = "function_call" if finish == "tool_calls" else finish
    return {
        "index": candidate.index,
        "message": message,
        "logprobs": _logprobs(candidate.parts),
        "finish_reason": finish,
    }


_LISTS = {
    "details": "reasoning_details",
    "annotations": "annotations",
    "images": "images",
    "calls": "tool_calls",
}


def _message(parts: list[Part]) -> dict[str, Any]:
    content: list[str] = []
    length = 0
    refusals: list[str] = []
    said: dict[str, list[Any]] = {"annotations": [], "reasoning": [], "details": [], "images": [], "calls": []}
    extra: dict[str, Any] = {}
    audio: dict[str, Any] | None = None
    for part in parts:
        match part:
            case Text():
                for citation in part.citations:
                    if citation.url:
                        said["annotations"].append(write_annotation(citation, length, len(part.text)))
                content.append(part.text)
                length += len(part.text)
                if part.seal is not None:
                    extra = write_google(part.seal)
            case Refusal():
                refusals.append(part.text)
            case Thinking():
                if part.text:
                    said["reasoning"].append(part.text)
                if part.seal is not None:
                    said["details"].append(write_detail(part.text, part.seal, len(said["details"])))
            case ToolCall():
                said["calls"].append(_call(part))
            case Image(source=Inline() as source):
                said["images"].append({"type": "image_url", "image_url": {"url": data_url(source)}})
            case Audio(source=Inline() as source) if audio is None:
                audio = {"id": part.id, "data": source.data, "expires_at": 0, "transcript": part.transcript}
    silent = bool(said["calls"] or refusals or audio)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(content) if content or not silent else None,
        "refusal": "".join(refusals) or None,
    }
    if said["reasoning"]:
        message["reasoning_content"] = "\n\n".join(said["reasoning"])
    for name, wire in _LISTS.items():
        if said[name]:
            message[wire] = said[name]
    if audio is not None:
        message["audio"] = audio
    if extra:
        message["extra_content"] = extra
    return message


def _call(call: ToolCall) -> dict[str, Any]:
    written: dict[str, Any] = {"id": call_id(call.id)}
    if call.form == "text":
        written |= {"type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    else:
        written |= {"type": "function", "function": {"name": call.name, "arguments": call.arguments or "{}"}}
    if call.seal is not None:
        written["extra_content"] = write_google(call.seal)
    return written


def _logprobs(parts: list[Part]) -> dict[str, Any] | None:
    listed: list[Raw] = []
    found = False
    for part in parts:
        if isinstance(part, Text) and part.logprobs is not None:
            found = True
            listed += msgspec.json.decode(part.logprobs, type=list[Raw])
    return {"content": listed, "refusal": None} if found else None
