"""Bodies over a limit: their head and their tail, with a line between them that says how much is missing."""

import re

_NOTE = re.compile(rb"\n\n\[\xe2\x80\xa6 (\d+) bytes not kept \xe2\x80\xa6\]\n\n")


def note(left_out: int) -> bytes:
    """What stands in the place of that many bytes."""
    return f"\n\n[… {left_out} bytes not kept …]\n\n".encode()


def trimmed(body: bytes, limit: int) -> bytes:
    """At most about `limit` bytes of a body; 0: all of it. The same object where nothing is left out."""
    half = limit // 2
    found = _NOTE.search(body) if 0 < limit < len(body) else None
    if found is not None:  # trimmed before, to more: its note moves
        return body[:half] + note(len(body) - 2 * half - len(found[0]) + int(found[1])) + body[len(body) - half :]
    left_out = len(body) - 2 * half
    if not limit or len(body) <= limit + 64:  # a note for less would save nothing
        return body
    return body[:half] + note(left_out) + body[len(body) - half :]


def left_out(body: bytes) -> int:
    """Bytes that a trimmed body lacks; 0 for a whole one."""
    found = _NOTE.search(body)
    return int(found[1]) if found is not None else 0


def parted(body: bytes) -> tuple[bytes, bytes]:
    """Head and tail of a trimmed body; a whole one is all head."""
    found = _NOTE.search(body)
    return (body[: found.start()], body[found.end() :]) if found is not None else (body, b"")
