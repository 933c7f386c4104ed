"""One exchange as a text file: what came, what was asked of each upstream, what it said, what the client got.

The sections and their order are CLIProxyAPI's. Secrets are masks and labels: all of it comes from what was recorded.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from addons.inspection.recorded import Recorded, RecordedAttempt
from providers.version import VERSION


def request_log(found: Recorded, *, body: bool = True) -> bytes:
    """The file. body: with the client's, which may be large."""
    pieces: list[bytes] = []
    _section(
        pieces,
        "REQUEST INFO",
        [
            ("Version", VERSION),
            ("URL", found.path),
            ("Method", found.method),
            ("Timestamp", _time(found.began)),
        ],
    )
    _section(pieces, "HEADERS", found.headers)
    _section(pieces, "REQUEST BODY", (), found.body if body else f"[{len(found.body)} bytes]".encode())
    for attempt in found.attempts:
        _attempt(pieces, attempt)
    status = [("Status", str(found.status or found.error or "none"))]
    _section(pieces, "RESPONSE", [*status, *found.emitted_headers], found.emitted)
    return b"".join(pieces)


def _attempt(pieces: list[bytes], attempt: RecordedAttempt) -> None:
    head = [
        ("Timestamp", _time(attempt.started)),
        ("Upstream URL", attempt.url),
        ("HTTP Method", "POST"),
        ("Auth", f"provider={attempt.provider}, credential={attempt.credential}"),
    ]
    _section(pieces, f"API REQUEST {attempt.number}", head, b"Headers:\n" + _lines(attempt.request_headers))
    pieces.append(b"Body:\n" + attempt.request_body + b"\n\n")
    if attempt.failure is not None:
        told = [("Origin", attempt.failure.origin), ("Kind", attempt.failure.kind), ("Verdict", attempt.verdict)]
        _section(pieces, "API ERROR RESPONSE", told, attempt.failure.message.encode(errors="surrogateescape"))
    head = [("Timestamp", _time(attempt.first_byte or attempt.ended)), ("Status", str(attempt.status or "none"))]
    _section(pieces, f"API RESPONSE {attempt.number}", head, b"Headers:\n" + _lines(attempt.answer_headers))
    pieces.append(b"Body:\n" + attempt.answer + b"\n\n")


def _section(pieces: list[bytes], title: str, head: Iterable[tuple[str, str]], body: bytes = b"") -> None:
    pieces.append(f"=== {title} ===\n".encode() + _lines(head) + (body + b"\n" if body else b"") + b"\n")


def _lines(pairs: Iterable[tuple[str, str]]) -> bytes:
    return "".join(f"{name}: {value}\n" for name, value in pairs).encode(errors="surrogateescape")


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds") if seconds else "never"
