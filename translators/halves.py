"""Characters outside the basic plane that a careless upstream cut in two.

JSON can say half of a surrogate pair (`\\ud83d` alone in a string), text cannot, and decoders refuse it. A reader that
meets such a refusal decodes once more with `keep` and sends its events through `mend`: a first half waits for its
partner in the block's next piece; what stays alone becomes U+FFFD. Whoever meets none of it pays nothing.
"""

import re

from msgspec.structs import replace

from translators.events import ArgumentsDelta, BlockClosed, Event, TextDelta, ThinkingDelta

TORN = 0x10F800
"""Where half a surrogate pair (U+D800 + n) is kept while it waits for its other half: U+10F800 + n."""

_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u([dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)
_DELTAS = (TextDelta, ThinkingDelta, ArgumentsDelta)


def keep_halves(data: bytes) -> bytes:
    """JSON in which halves that stand alone are kept for `join_halves`; the same bytes if there is none."""
    return _ESCAPES.sub(_keep_half, data)


def _keep_half(escape: re.Match[bytes]) -> bytes:
    half = escape[1]
    return escape[0] if half is None else chr(TORN + int(half, 16) - 0xD800).encode()


def join_halves(text: str) -> tuple[str, str]:
    """Put torn characters together: the text, and a first half at its end that still waits (as it was given)."""
    held = ""
    if text and TORN <= ord(text[-1]) < TORN + 0x400:
        text, held = text[:-1], text[-1]
    units = "".join(chr(ord(c) - TORN + 0xD800) if TORN <= ord(c) < TORN + 0x800 else c for c in text)
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"), held


class Halves:
    """The torn characters of one answer. `torn` is set once there is one."""

    def __init__(self) -> None:
        self.torn = False
        self._held: dict[int, tuple[Event, str]] = {}  # by block: the delta that ended in a first half, and the half

    def keep(self, data: bytes) -> bytes | None:
        """`data` with its halves kept; None if it has none, so that it is no JSON for another reason."""
        kept = keep_halves(data)
        if kept == data:
            return None
        self.torn = True
        return kept

    def mend(self, events: list[Event]) -> list[Event]:
        """The events with whole characters."""
        if not self.torn:
            return events
        mended: list[Event] = []
        for event in events:
            if isinstance(event, _DELTAS):
                _, before = self._held.pop(event.block, (event, ""))
                text, held = join_halves(before + event.text)
                if held:
                    self._held[event.block] = (event, held)
                if text or not (before or held):
                    mended.append(replace(event, text=text))
                continue
            if isinstance(event, BlockClosed) and event.block in self._held:
                last, _ = self._held.pop(event.block)
                mended.append(replace(last, text="\ufffd"))
            mended.append(event)
        return mended
