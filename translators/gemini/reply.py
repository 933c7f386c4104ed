"""Whole answers, both ways. They go through the same events as streams, so both say the same."""

from typing import Any

from translators.dialect import Asked
from translators.events import Event, Started
from translators.fold import unfold
from translators.gemini.answer import Answer
from translators.gemini.stream import StreamReader
from translators.gemini.stream_writer import written
from translators.model import Reply
from translators.seals import unwrap, wrap_base64


def read_reply(body: bytes) -> list[Event]:
    """Read a whole answer (one object, an array of chunks, or SSE). Raises Unreadable for what is none of them."""
    reader = StreamReader()
    return reader.feed(body) + reader.finish()


def write_reply(reply: Reply, asked: Asked) -> bytes:
    """Write a whole answer. An empty text part stands only where there is no other."""
    answer = Answer(asked, whole=True)
    parts: dict[int, list[Any]] = {}
    started = Started()
    for event in unfold(reply):
        if isinstance(event, Started):
            started = event
        for index, part in answer.take(event):
            parts.setdefault(index, []).append(part)
    body: dict[str, Any] = {}
    feedback = answer.prompt_feedback()
    if feedback is not None:
        body["promptFeedback"] = feedback
    else:
        body["candidates"] = [_candidate(answer, index, parts.get(index, [])) for index in answer.finished()]
    body["usageMetadata"] = answer.usage_metadata()
    body["modelVersion"] = asked.model
    body["responseId"] = started.id or asked.seed
    return written(body)


def _candidate(answer: Answer, index: int, parts: list[Any]) -> dict[str, Any]:
    left, beside = answer.ending(index)
    if left:
        last = parts[-1] if parts else None
        if isinstance(last, dict) and last.keys() == {"text", "thought"}:  # thinking was the last that was said
            last["thoughtSignature"] = left[0]["thoughtSignature"]
            return {"index": index, "content": {"role": "model", "parts": parts}, **beside}
        if not _take_along(parts, left[0]["thoughtSignature"]):
            parts = parts + left
    return {"index": index, "content": {"role": "model", "parts": parts or [{"text": ""}]}, **beside}


def _take_along(parts: list[Any], signature: str) -> bool:
    """Put a signature that found no part on one that is there: an empty text beside others costs clients the turn."""
    said = [part for part in parts if isinstance(part, dict) and not part.get("thought")]
    late = unwrap(signature)
    takers = ({"text"}, {"functionCall"}) if late is not None else ({"text"},)  # Google checks those of calls
    bare = [part for part in said if part.keys() in takers]
    if bare:
        bare[-1]["thoughtSignature"] = signature
        return True
    if late is None:
        return False
    for part in reversed(said):
        early = unwrap(part["thoughtSignature"]) if "thoughtSignature" in part else []
        beside = "inlineData" not in part or all(seal.place == "ahead" for seal in late)
        if early is not None and beside:
            part["thoughtSignature"] = wrap_base64(*early, *late)
            return True
    return False
