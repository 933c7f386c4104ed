"""The answer as a person reads it: what it came to, how it came, and everything that was said."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import msgspec

from addons.inspection.pace import pace
from addons.inspection.reading import Answer, read_answer
from addons.inspection.recorded import Recorded
from addons.inspection.story import culprit, tokens
from addons.inspection.transcript import lines, transcript
from addons.inspection.trimming import left_out
from translators.model import Request, Stop
from translators.parts import Part, Refusal, Text, Thinking, ToolCall, Turn

SHOWN = 20_000
"""Characters that are shown of what cannot be read."""


def answer(found: Recorded) -> str:
    """What the client of an exchange got. Never raises."""
    said = read_answer(found.emitted, found.client)
    return "\n".join([*_head(found, said), *_block(pace(found)), *_block(_lost(found, said)), *_body(found, said)])


def strangers(body: bytes, dialect: str) -> str:
    """An answer that was recorded by another program."""
    said = read_answer(body, dialect)
    head = [" · ".join(filter(None, [dialect, said.reply.model, *_told(said, None)]))]
    return "\n".join([*head, *_spoken(said, body)])


def _head(found: Recorded, said: Answer) -> Iterator[str]:
    form = "stream" if found.stream else "whole"
    status = f"{found.status} {form}" if found.status else "no status yet" if found.live else "no status"
    pieces = [found.client or "unknown dialect", said.reply.model or found.model, status]
    if found.usage is not None and (found.usage.input or found.usage.output):
        pieces.append(tokens(found.usage))
    yield " · ".join(filter(None, [*pieces, *_told(said, found)]))
    failure = found.failure
    if failure is not None:
        yield f"✗ an error made by {_whose(found)}: {failure.message}"
    elif found.error:
        yield f"✂ {found.error}"
    elif found.live:
        yield "… under way: this is as far as it has come"


def _whose(found: Recorded) -> str:
    failure = found.failure
    assert failure is not None
    who = culprit(failure)
    if who == "upstream" and found.last is not None:
        return f"the upstream {found.last.provider} ({failure.kind})"
    return {"client": "the client", "cliproxy": "cliproxy"}.get(who, "the upstream") + f" ({failure.kind})"


def _told(said: Answer, found: Recorded | None) -> Iterator[str]:
    """Counts and ends."""
    if found is None and said.reply.usage is not None:
        yield tokens(said.reply.usage)
    for candidate in said.reply.candidates:
        if candidate.stop.native or candidate.stop.reason != "other":
            yield f"stop: {_stop(candidate.stop)}"


def _stop(stop: Stop) -> str:
    native = f" ({stop.native})" if stop.native and stop.native.lower() != stop.reason else ""
    sequence = f" at {stop.sequence!r}" if stop.sequence else ""
    why = f": {stop.explanation}" if stop.explanation else ""
    return f"{stop.reason}{native}{sequence}{why}"


def _body(found: Recorded, said: Answer) -> Iterator[str]:
    if found.operation not in ("generate", ""):
        yield ""
        yield _as_it_is(found.emitted)
        return
    yield from _spoken(said, found.emitted)


def _spoken(said: Answer, body: bytes) -> Iterator[str]:
    turns = [
        Turn(role="assistant", parts=candidate.parts, name=f"#{candidate.index}" if candidate.index else "")
        for candidate in said.reply.candidates
        if candidate.parts
    ]
    yield from lines(transcript(Request(model=said.reply.model, turns=turns), answer=True))
    if missing := left_out(body):
        yield from ("", f"✂ {missing:,} bytes in the middle were not kept, nor what was said in them")
    if said.cut and turns:
        yield from ("", "✂ it stops here: the end is missing")
    if said.failure:
        yield from ("", f"✗ in the answer: {said.failure}")
    if said.trouble:
        yield from ("", f"not all of it can be read: {said.trouble}")
    if body and not turns:
        yield from ("", f"nothing is said in its {len(body):,} bytes:", "", _as_it_is(body))
    elif not body:
        yield from ("", "the client got no byte of an answer")


def _as_it_is(body: bytes) -> str:
    text = body[: 4 * SHOWN].decode(errors="backslashreplace")
    if text.lstrip().startswith(("{", "[")):
        with suppress(msgspec.MsgspecError, ValueError, RecursionError):  # no JSON: as it is
            text = msgspec.json.format(text, indent=2)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}\n[… not all of {len(body):,} bytes shown …]"


# --- what did not arrive --------------------------------------------------------------------------------------------


def _lost(found: Recorded, said: Answer) -> Iterator[str]:
    """Where the client got less, or other, than the upstream said."""
    for loss in found.answer_losses:
        yield f"− {loss.path}: {loss.reason}"
    for one in found.grammar.violations:
        yield f"⚠ frame {one.frame} {one.path}: {one.what} ({one.rule})"
    attempt = found.last
    if attempt is None or attempt.dialect == found.client or not attempt.answer or found.operation != "generate":
        return
    theirs = read_answer(attempt.answer, attempt.dialect)
    upstream, client = _amounts(theirs.parts), _amounts(said.parts)
    for name in sorted(upstream.keys() | client.keys()):
        if upstream[name] != client[name]:
            yield f"≠ {name}: the upstream said {upstream[name]:,}, the client got {client[name]:,}"


def _amounts(parts: list[Part]) -> Counter[str]:
    """How much of each kind was said."""
    amounts: Counter[str] = Counter()
    for part in parts:
        match part:
            case Text() | Refusal():
                amounts["characters of text"] += len(part.text)
            case Thinking():
                amounts["characters of thinking"] += len(part.text or "".join(part.summaries))
            case ToolCall():
                amounts[f"calls of {part.name}"] += 1
            case _:
                amounts[f"parts of kind {type(part).__name__.lower()}"] += 1
    return amounts


def _block(found: Iterator[str]) -> list[str]:
    """The lines with a blank one in front, if there are any."""
    listed = list(found)
    return ["", *listed] if listed else []
