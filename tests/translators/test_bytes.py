"""However an upstream lays out its bytes, the client gets the same: all pairs, all situations on file."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.translators.judged import check
from tests.translators.test_cuts import NAMES, a_pump, streams
from translators import sse

CRLF, CR = b"\r\n", b"\r"


def _without_names(body: bytes) -> bytes:
    return b"".join(line for line in body.splitlines(keepends=True) if not line.startswith(b"event:"))


def _wrong_names(body: bytes) -> bytes:
    """The JSON counts. (Where it says no type the name is all there is.)"""
    frames = body.split(b"\n\n")
    return b"\n\n".join(
        b"event: ping\n" + frame.split(b"\n", 1)[1] if frame.startswith(b"event:") and b'"type"' in frame else frame
        for frame in frames
    )


def _over_lines(body: bytes) -> bytes:
    """An object over several data lines."""
    return body.replace(b"data: {", b"data: {\ndata:  ").replace(b"}\n\n", b"\ndata: }\n\n")


def _among(extra: bytes) -> Callable[[bytes], bytes]:
    return lambda body: extra + body.replace(b"\n\n", b"\n\n" + extra)


LAYOUTS: dict[str, Callable[[bytes], bytes]] = {
    "crlf": lambda body: body.replace(b"\n", CRLF),
    "cr": lambda body: body.replace(b"\n", CR),
    "bom": lambda body: b"\xef\xbb\xbf" + body,
    "comments": _among(b": ping\n\n"),
    "comments inside": lambda body: body.replace(b"\ndata:", b"\n: ping\ndata:").replace(b"}\n\n", b"}\n: ping\n\n"),
    "over lines": _over_lines,
    "no space": lambda body: body.replace(b"data: ", b"data:").replace(b"event: ", b"event:"),
    "no names": _without_names,
    "wrong names": _wrong_names,
    "empty events": _among(b"event: ping\ndata:\n\nevent: ping\n\n"),
    "more blank lines": lambda body: b"\n\n" + body.replace(b"\n\n", b"\n\n\n\n"),
    "ids and retry": _among(b"retry: 3000\nid: 7\n\n"),
    "no last blank line": lambda body: body.rstrip(b"\n"),
}


def said_of(up: str, down: str, pieces: list[bytes]) -> list[Any]:
    """What the client gets, as JSON (a client reads no more than that), or how it is refused."""
    pump = a_pump(up, down)
    said = b"".join([pump.feed(piece) for piece in pieces]) + pump.finish()
    if not pump.committed:
        return ["status", pump.failure and pump.failure.kind]
    if down == "gemini":
        assert b"\n:" not in said
        assert b"event:" not in said
    found: list[Any] = []
    for frame in sse.frames(said):
        assert not said.startswith(b"\xef\xbb\xbf")
        data = json.loads(frame.data) if frame.data != b"[DONE]" else "[DONE]"
        if isinstance(data, dict) and down == "claude" and "type" in data:
            assert frame.event.decode() == data["type"]
        found.append(data)
    return found


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("up", NAMES)
def test_the_layout_of_bytes_means_nothing(up: str, layout: str) -> None:
    """2, 3, 5-8, 9, 10, 11, 12."""
    for frames in streams(up):
        plain = b"".join(frames)
        laid = LAYOUTS[layout](plain)
        for down in NAMES:
            assert said_of(up, down, [laid]) == said_of(up, down, [plain])


@pytest.mark.parametrize("down", NAMES)
@pytest.mark.parametrize("up", NAMES)
def test_bytes_cut_anywhere(up: str, down: str) -> None:
    """1, 14. Byte by byte, and in odd pieces."""
    for frames in streams(up):
        plain = b"".join(frames)
        expected = said_of(up, down, [plain])
        for size in (1, 7):
            assert said_of(up, down, [plain[at : at + size] for at in range(0, len(plain), size)]) == expected


IMAGE = "iVBORw0KGgo" + "A" * (9 * 1024 * 1024) + "="


@pytest.mark.parametrize("down", ["gemini", "claude", "openai-chat"])
def test_a_very_long_line(down: str) -> None:
    """19. An image of 9 MiB in one line, in chunks as they come from a socket."""
    part = b'{"inlineData":{"mimeType":"image/png","data":"%b"}}' % IMAGE.encode()
    line = b'data: {"candidates":[{"content":{"role":"model","parts":[%b]},"finishReason":"STOP"}]}\n\n' % part
    pump = a_pump("gemini", down)
    said = b"".join([pump.feed(line[at : at + 65536]) for at in range(0, len(line), 65536)]) + pump.finish()
    assert pump.failure is None
    assert (IMAGE.encode() in said) == (down != "claude")  # which has no place for an image in an answer
    assert down == "gemini" or check(down, said) == "end"


def test_an_element_of_an_array_leaves_when_its_braces_are_closed() -> None:
    """14. Braces inside of strings close nothing."""
    chunk = b'{"candidates": [{"content": {"parts": [{"text": "}] \\" {"}]}, "index": 0}]}'
    pump = a_pump("gemini", "openai-chat")
    assert pump.feed(b"[" + chunk[:-1]) == b""
    assert b'"content":"}] \\" {"' in pump.feed(chunk[-1:])
    assert pump.feed(b"\n,\r") == b""
    assert b'"content":"}] \\" {"' in pump.feed(b"\n" + chunk)
