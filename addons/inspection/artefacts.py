"""What went over the wires, as it was: for every attempt what was sent and what came, and what the client got."""

from collections.abc import Iterator
from http import HTTPStatus

import msgspec

from addons.inspection.recorded import Headers, Recorded, RecordedAttempt
from addons.inspection.trimming import left_out

WIDTH = 100
LARGEST = 16 * 1024 * 1024
"""Bytes of a body that is shown with line breaks; a larger one is shown as it is."""


def upstream_requests(found: Recorded) -> str:
    """What was sent, attempt by attempt: secrets are labels, JSON has line breaks. Never raises."""
    return "\n\n".join(_sent(attempt, found) for attempt in found.attempts) or _nobody(found)


def upstream_responses(found: Recorded) -> str:
    """What the upstreams said, attempt by attempt, byte for byte but for a compression. Never raises."""
    return "\n\n".join(_came(attempt, found) for attempt in found.attempts) or _nobody(found)


def emitted(found: Recorded) -> str:
    """What the client got, byte for byte. Never raises."""
    note = _kept(found.emitted, found.emitted_size)
    lines = [_rule(f"to the client · {found.client} · {found.emitted_size:,} bytes{note}")]
    if not found.status:
        lines.append("the client got no status" + (": the exchange is under way" if found.live else ""))
    else:
        lines += [_status(found.status), *_headers(found.emitted_headers)]
    if found.emitted:
        lines += ["", _text(found.emitted)]
    if found.error:
        lines += ["", f"✂ {found.error}"]
    return "\n".join(lines)


def _nobody(found: Recorded) -> str:
    why = f": {found.refusal.message}" if found.refusal is not None else ""
    return f"no upstream was asked{why}"


def _title(attempt: RecordedAttempt, found: Recorded, rest: str) -> str:
    number = f"attempt {attempt.number} of {len(found.attempts)}"
    return _rule(f"{number} · {attempt.credential} · {attempt.provider} ({attempt.dialect}) · {attempt.model} · {rest}")


def _rule(title: str) -> str:
    return f"── {title} ".ljust(WIDTH, "─")


def _sent(attempt: RecordedAttempt, found: Recorded) -> str:
    stated = next((value for name, value in attempt.request_headers if name == "content-length"), "")
    size = int(stated) if stated.isdecimal() else len(attempt.request_body)
    note = _kept(attempt.request_body, size)
    lines = [_title(attempt, found, f"{size:,} bytes{note}"), f"POST {attempt.url}", *_headers(attempt.request_headers)]
    return "\n".join([*lines, "", _pretty(attempt.request_body)])


def _came(attempt: RecordedAttempt, found: Recorded) -> str:
    note = _kept(attempt.raw, attempt.raw_size)
    unpacked = "" if attempt.answer is attempt.raw else f", unpacked {len(attempt.answer):,}"
    lines = [_title(attempt, found, f"{attempt.raw_size:,} bytes{unpacked}{note}")]
    lines += [_status(attempt.status), *_headers(attempt.answer_headers)] if attempt.status else ["no answer"]
    if attempt.answer:
        lines += ["", _text(attempt.answer)]
    if attempt.failure is not None:
        lines += ["", f"✗ {attempt.failure.kind}: {attempt.failure.message}"]
    return "\n".join(lines)


def _kept(body: bytes, size: int) -> str:
    missing = left_out(body) or max(size - len(body), 0)
    return f", of which {missing:,} were not kept" if missing else ""


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _headers(headers: Headers) -> Iterator[str]:
    return (f"{name}: {value}" for name, value in headers)


def _text(body: bytes) -> str:
    return body.decode(errors="backslashreplace")


def _pretty(body: bytes) -> str:
    text = _text(body)
    if len(body) > LARGEST or not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return msgspec.json.format(text, indent=2)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return text
