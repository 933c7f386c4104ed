"""Any legal answer: lists of events made from a string of bytes, each of which decides something.

All kinds of blocks, several candidates, blocks side by side, seals, citations, natives, media, counts anywhere, a
failure at any place. Order.check passes all of them.
"""

from collections.abc import Callable
from random import Random

from hypothesis import strategies as st
from msgspec import Raw

from translators.dialect import Asked
from translators.events import (
    ArgumentsDelta,
    BlockClosed,
    BlockOpened,
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    MediaDelta,
    Native,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    UsageSeen,
)
from translators.model import Failure, HostedTool, Reasoning, Request, Stop, Usage
from translators.parts import Citation, Seal

TAPES = st.binary(max_size=160) | st.integers(0, 10**9).map(lambda seed: Random(seed).randbytes(160))
"""Short ones are soon at their end; long ones are seldom found by hypothesis itself."""

TEXTS = ("Hello", "", "é", "😀 ", "a\u2028b", '"\\', "line\r\n", "data: x\n\n")
OBJECTS = (
    "{}",
    '{"a":1}',
    "",
    '{"city":"O\\u00df\\ud83d\\ude00","n":[1.0,12345678901234567890],"s":"\\"}{"}',
    '{ "a" :\n {"b":[]}}',
)
REASONS = ("stop", "tool", "length", "sequence", "filter_out", "filter_prompt", "refusal", "pause", "context", "other")
SEALS = (
    Seal("signature", "c2ln", "google"),
    Seal("signature", "Y2xhdWRl", "anthropic"),
    Seal("encrypted", "gAAA", "openai", item="rs_1"),
    Seal("redacted", "cmVk", "anthropic"),
)
CITATIONS = (
    Citation("https://a.example", "A", "quote", 0, 2),
    Citation("https://a.example"),
    Citation(
        "https://a.example",
        vendor="anthropic",
        native=Raw(
            b'{"type":"web_search_result_location","url":"u","title":"t","cited_text":"c","encrypted_index":"e"}'
        ),
    ),
    Citation(
        "https://a.example", "A", vendor="openai", native=Raw(b'{"type":"url_citation","url":"https://a.example"}')
    ),
    Citation(title="T", vendor="google", start=0, end=1),
)
HOSTED = (
    ("anthropic", b'{"type":"server_tool_use","id":"s_1","name":"web_search","input":{"query":"q"}}'),
    ("openai", b'{"type":"web_search_call","id":"ws_1","status":"completed","action":{"type":"search","query":"q"}}'),
    ("google", b'{"executableCode":{"language":"PYTHON","code":"print(1)"}}'),
)
RESULTS = (
    ("anthropic", b'{"type":"web_search_tool_result",\n"tool_use_id":"s_1","content":[{"url":"https://a.example"}]}'),
    ("google", b'{"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"1"}}'),
)
UNKNOWN = (
    ("claude", "new_block", b'{"type":"new_block","x":1}'),
    ("openai-responses", "new_item", b'{"type":"new_item","id":"n_1","x":1}'),
    ("gemini", "newPart", b'{"newPart":{"x":1}}'),
)
TOKEN = Raw(b'[{"token":"a","logprob":-0.1,"bytes":[97],"top_logprobs":[{"token":"b","logprob":-2,"bytes":null}]}]')

type Dice = Callable[[int], int]


def dice(tape: bytes) -> Dice:
    """Throws from 0 to below n, as the tape has them; zeros when it is at its end."""
    rest = iter(tape)
    return lambda sides: next(rest, 0) % sides


def pieces(text: str, throw: Dice) -> list[str]:
    """A text cut somewhere, empty pieces among them."""
    cut, other = sorted((throw(len(text) + 1), throw(len(text) + 1)))
    return [text[:cut], text[cut:other], text[other:]]


def block(number: int, candidate: int, throw: Dice) -> list[Event]:
    """All events of one block."""
    kind = throw(9)
    seal = SEALS[throw(4)] if throw(3) == 2 else None
    said: list[Event]
    if kind <= 1:
        logprobs = TOKEN if throw(6) == 5 else None
        said = [BlockOpened(number, "text", candidate=candidate)]
        said += [TextDelta(number, TEXTS[throw(len(TEXTS))], logprobs) for _ in range(throw(4))]
        said += [Cited(number, CITATIONS[throw(len(CITATIONS))]) for _ in range(throw(3))]
        said += [TextDelta(number, TEXTS[throw(len(TEXTS))])] if throw(2) else []
    elif kind == 2:
        said = [BlockOpened(number, "refusal", candidate=candidate), TextDelta(number, TEXTS[throw(len(TEXTS))])]
    elif kind == 3:
        full = throw(2) == 1
        said = [BlockOpened(number, "thinking", item=("", f"rs_{number}")[throw(2)], candidate=candidate)]
        said += [ThinkingDelta(number, TEXTS[throw(len(TEXTS))], part // 2, full) for part in range(throw(5))]
    elif kind <= 5:
        return call(number, candidate, throw, seal)
    elif kind == 6:
        return hosted(number, candidate, throw)
    elif kind == 7:
        opened = BlockOpened(number, ("image", "audio")[throw(2)], f"a{number}", candidate=candidate)
        return [opened, MediaDelta(number, "image/png", "AAAA"), MediaDelta(number, "", "AAA="), BlockClosed(number)]
    else:
        dialect, tag, raw = UNKNOWN[throw(3)]
        said = [BlockOpened(number, "unknown", name=tag, vendor=dialect, candidate=candidate), Native(number, Raw(raw))]
        return [*said, BlockClosed(number)]
    if seal is not None:
        said.append(Sealed(number, seal))
    return [*said, BlockClosed(number)]


def call(number: int, candidate: int, throw: Dice, seal: Seal | None) -> list[Event]:
    """A call: JSON or free text, sealed at its beginning, at its end, or not at all."""
    free = throw(4) == 3
    early, late = (seal, None) if throw(2) else (None, seal)
    opened = BlockOpened(
        number, "tool", f"call_{number}", "f", "text" if free else "json", seal=early, candidate=candidate
    )
    text = TEXTS[throw(len(TEXTS))] if free else OBJECTS[throw(len(OBJECTS))]
    said: list[Event] = [opened, *(ArgumentsDelta(number, piece) for piece in pieces(text, throw))]
    if late is not None:
        said.append(Sealed(number, late))
    return [*said, BlockClosed(number)]


def hosted(number: int, candidate: int, throw: Dice) -> list[Event]:
    """A call that the vendor runs itself, or what it gave; the same id may call and give, or only one of both."""
    ident, name = f"s_{throw(3)}", ("web_search", "code")[throw(2)]
    if throw(2):
        vendor, raw = HOSTED[throw(3)]
        opened = BlockOpened(number, "hosted", ident, name, vendor=vendor, candidate=candidate)
        asked: list[Event] = [ArgumentsDelta(number, piece) for piece in pieces('{"query":"q"}', throw)]
        return [opened, *(asked if throw(2) else []), Native(number, Raw(raw)), BlockClosed(number)]
    vendor, raw = RESULTS[throw(2)]
    opened = BlockOpened(number, "hosted_result", ident, name, vendor=vendor, candidate=candidate)
    return [opened, Native(number, Raw(raw)), BlockClosed(number)]


def events_of(tape: bytes) -> list[Event]:
    """An answer: its blocks one after the other or side by side, counts in between, its end or a failure."""
    throw = dice(tape)
    candidates = (1, 1, 1, 3)[throw(4)]
    broken = throw(4) == 3
    blocks = [block(number, throw(candidates), throw) for number in range(throw(7))]
    events: list[Event] = [Started(("", "msg_1", "chatcmpl-2")[throw(3)], "m", 1)]
    waiting, active = list(blocks), list[list[Event]]()
    while waiting or active:
        if waiting and (not active or throw(3) == 0):
            active.append(waiting.pop(0))
            events.append(active[-1].pop(0))
            continue
        chosen = active[throw(len(active))]
        events.append(chosen.pop(0))
        if not chosen:
            active = [each for each in active if each]
        if throw(8) == 7:
            events.append(UsageSeen(Usage(input=9, output=len(events), cache_read=throw(3))))
    if broken:
        return [*events[: 1 + throw(len(events))], Failed(Failure(kind="overloaded", message="gone"))]
    if throw(2):
        events.append(UsageSeen(Usage(input=9, output=99, thinking=3)))
    for candidate in range(candidates):
        explanation = "because" if throw(4) == 3 else ""
        events.append(Finished(Stop(reason=REASONS[throw(len(REASONS))], explanation=explanation), candidate))
    return [*events, Ended()]


def asked_of(tape: bytes, dialect: str, *, stream: bool = True) -> Asked:
    """What a client of this dialect may have asked for, as far as it changes the answer's shape."""
    throw = dice(tape[::-1])
    tools = [HostedTool(kind="web_search", vendor="openai", native=Raw(b"{}"))] if throw(2) else []
    shown = Reasoning(mode="auto", show="auto") if throw(2) else None
    request = Request(
        model="m",
        turns=[],
        stream=stream,
        stream_usage=throw(2) == 1,
        reasoning=shown,
        dialect=dialect,
        tools=list(tools),
    )
    if dialect == "openai-chat" and throw(8) == 7:
        request.at["tools"] = "$.functions"
    return Asked("m", stream, 1_760_000_000, "c0ffee", request, array=dialect == "gemini" and stream and throw(4) == 3)
