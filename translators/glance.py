"""What a stream that was passed on said of itself: its counts and why it ended, from its first and last frames alone.

Reading it all costs as much as translating it; this costs some microseconds, whatever its length.
"""

import re

from msgspec.structs import replace

from translators.dialect import Dialect
from translators.events import Event, Finished, UsageSeen
from translators.fold import merge_usage
from translators.model import Stop, Usage

TAIL = 4096
"""Bytes from the end in which the counts begin, but for a last frame that is longer."""
LARGEST = 128 * 1024
"""Bytes. A last frame that is longer (the whole answer again) is not looked at."""
_COUNTS = re.compile(rb'"usage(?:Metadata|_metadata)?"\s*:\s*\{')
_CALL = b'"functionCall"'
"""Google's word for why it stopped is the same with calls; unescaped quotes are no text of an answer."""


def glance(dialect: Dialect, stream: bytes) -> tuple[Usage | None, Stop | None]:
    """Counts and stop of a stream of server-sent events; None for what does not stand there. Never raises."""
    blank = b"\r\n\r\n" if stream.find(b"\r\n\r\n") >= 0 else b"\n\n"
    head = stream.find(blank) + len(blank)
    tail = max(stream.rfind(blank, 0, max(len(stream) - TAIL, 0)) + len(blank), head)
    if head < len(blank) or len(stream) - tail > LARGEST:
        return None, None
    hints = dialect.end_hints
    last = [
        frame
        for frame in stream[tail:].split(blank)
        if _COUNTS.search(frame) is not None or any(frame.find(hint) >= 0 for hint in hints)
    ]
    usage: Usage | None = None
    stop: Stop | None = None
    for event in _events(dialect, blank.join([stream[: head - len(blank)], *last, b""])):
        if type(event) is UsageSeen:
            usage = merge_usage(usage, event.usage)
        elif type(event) is Finished and event.candidate == 0:
            stop = event.stop
    if stop is not None and stop.reason == "stop" and stream.find(_CALL) >= 0:
        stop = replace(stop, reason="tool")
    return usage, stop


def _events(dialect: Dialect, frames: bytes) -> list[Event]:
    """What a reader makes of them; it may stumble over what is missing between them."""
    reader = dialect.stream_reader()
    try:
        return reader.feed(frames) + reader.finish()
    except Exception:  # whatever a reader thinks of half a stream, it is no news
        return []
