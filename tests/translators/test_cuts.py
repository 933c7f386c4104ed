"""Streams that are cut, that lose an event or say one twice: a legal stream comes of each, and never silence.

All recorded situations of all upstreams, to all clients, cut after every event.
"""

from functools import cache
from pathlib import Path

import pytest

from tests import casefile
from tests.translators.judged import check
from translators import exchange
from translators.dialect import Asked
from translators.model import Failure, Reasoning, Request
from translators.names import ToolName
from translators.pump import Pump
from translators.registry import DIALECTS

NAMES = ("claude", "openai-chat", "openai-responses", "gemini")
CUT = Failure(kind="truncated", message="the connection was cut")


@cache
def streams(dialect: str) -> list[list[bytes]]:
    """The streams that the cases of a dialect begin with, as frames."""
    paths = sorted((casefile.FOLDER / dialect / "streams").glob("*.case"))
    return [found for path in paths if len(found := frames_of(path)) > 1]


def frames_of(path: Path) -> list[bytes]:
    body = casefile.load(path).sections["wire"].encode()
    return [frame + b"\n\n" for frame in body.split(b"\n\n") if frame.strip()]


def a_pump(up: str, down: str, *, through: bool = False) -> Pump:
    """through: by way of the model even where both dialects are one, as where a tool had to be renamed."""
    shown = Reasoning(mode="auto", show="auto")
    request = Request(model="m", turns=[], stream=True, stream_usage=True, reasoning=shown, dialect=down)
    tools = {"a_tool": ToolName("a tool")} if through else {}
    asked = Asked("m", stream=True, now=1_760_000_000, seed="5eed", request=request)
    return exchange.pump(DIALECTS[down], DIALECTS[up], asked, tools, streamed=True)


def told(up: str, down: str, frames: list[bytes], cause: Failure | None = None, *, garbled: bool = False) -> str:
    """What the client gets of these frames: "end", "error", or "status" (nothing has left; it is an error body)."""
    pump = a_pump(up, down, through=True)
    said = b"".join([pump.feed(frame) for frame in frames]) + pump.finish(cause)
    if not pump.committed:
        assert said == b""
        assert pump.failure is not None
        return "status"
    ending = check(down, said, garbled=garbled)
    assert ending == ("error" if pump.failure is not None else "end")
    return ending


@pytest.mark.parametrize("down", NAMES)
@pytest.mark.parametrize("up", NAMES)
def test_cut_after_every_event(up: str, down: str) -> None:
    """226. The upstream closes, or the connection breaks."""
    endings = set()
    for frames in streams(up):
        for cut in range(len(frames) + 1):
            endings.add(told(up, down, frames[:cut]))
            broken = told(up, down, frames[:cut], CUT)
            endings.add(broken)
            assert broken != "end" or told(up, down, frames[:cut]) == "end"
    assert endings == {"end", "error", "status"}


@pytest.mark.parametrize("down", NAMES)
@pytest.mark.parametrize("up", NAMES)
def test_every_event_lost_or_said_twice(up: str, down: str) -> None:
    for frames in streams(up):
        for place, frame in enumerate(frames):
            told(up, down, [*frames[:place], *frames[place + 1 :]], garbled=True)
            told(up, down, [*frames[:place], frame, *frames[place:]], garbled=True)


@pytest.mark.parametrize("name", NAMES)
def test_what_passes_cut_after_every_event(name: str) -> None:
    """Where the bytes pass the end is the upstream's, or an error after whole frames of it."""
    endings = set()
    for frames in streams(name):
        for cut in range(len(frames) + 1):
            relay = a_pump(name, name)
            said = b"".join([relay.feed(frame) for frame in frames[:cut]])
            last = relay.finish(CUT)
            if relay.failure is None:
                endings.add("end")
                assert last in (b"", DIALECTS[name].farewell)
            elif relay.committed:
                endings.add("error")
                assert b'"error"' in said + last
                assert said == b"" or said.endswith((b"\n\n", b"}"))
            else:
                endings.add("status")
                assert said + last == b""
    assert endings == {"end", "error", "status"}
