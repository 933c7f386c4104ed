"""Errors of this dialect, both ways: an upstream's refusal → Failure → a client's error body."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import msgspec
from msgspec import Raw

from translators.dialect import Asked
from translators.failures import kind_of_status, message_of, words_of
from translators.model import Failure

_KINDS = {
    "invalid_request_error": "invalid",
    "authentication_error": "auth",
    "billing_error": "billing",
    "permission_error": "permission",
    "not_found_error": "not_found",
    "conflict_error": "conflict",
    "request_too_large": "too_large",
    "rate_limit_error": "rate_limit",
    "api_error": "server",
    "timeout_error": "timeout",
    "overloaded_error": "overloaded",
}

_CONTEXT = re.compile(
    r"prompt is too long|exceeds? (?:the )?(?:model'?s? )?context (?:limit|window|length)|maximum context length", re.I
)
_POLICY = re.compile(
    r"only authorized for use with Claude Code|Third-party apps now draw|out of extra usage", re.I
)  # texts seen on refused subscription log-ins, 2025-09 to 2026-04
_BILLING = re.compile(r"credit balance is too low", re.I)
_QUOTA = re.compile(r"usage limit|monthly limit|spend(?:ing)? (?:limit|cap)|Usage credits are required", re.I)
_MODEL = re.compile(r"\bmodel\b", re.I)
_COUNT = re.compile(r"\d[\d,]{3,}")

_KEPT = frozenset({"request-id", "x-request-id", "retry-after", "retry-after-ms", "x-should-retry"})
_LIMITS = "anthropic-ratelimit-"
_REJECTABLE = re.compile(_LIMITS + r"unified(?:-[\w]+)?-status")


class _Error(msgspec.Struct):
    """What was found in a body. Empty where it said nothing."""

    type: str = ""
    message: str = ""
    details: object = None
    request_id: str = ""


def read_failure(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    """Read an error answer: never raises, whatever the body.

    `status` 200 means an error inside a stream, or a body that should have been an answer. retry_after comes from
    `retry-after-ms`, `retry-after`, or the latest reset of a rejected subscription window, measured from the answer's
    own `date`.

    Source: Anthropic API reference, “Errors” and “Rate limits”, read November 2026.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    error = _parse(body)
    message = error.message or _no_answer(status, lower.get("content-type", ""), body)
    code = error.details.get("error_code") if isinstance(error.details, dict) else None
    return Failure(
        kind=_kind(status, error.type, message, lower),
        message=message,
        status=0 if status == 200 else status,
        code=code if isinstance(code, str) else "",
        type=error.type,
        retry_after=_retry_after(lower),
        request_id=error.request_id or lower.get("request-id", ""),
        headers={name: value for name, value in lower.items() if name in _KEPT or name.startswith(_LIMITS)},
        details=None if error.details is None else Raw(msgspec.json.encode(error.details)),
    )


def _parse(body: bytes) -> _Error:
    """The error in a body, in any of the shapes that occur: the vendor's, a list of it, `detail`, `message`, text."""
    try:
        sent = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Error()
    while isinstance(sent, list) and sent:
        sent = sent[0]
    if isinstance(sent, str):
        return _Error(message=sent)
    if not isinstance(sent, dict):
        return _Error()
    request_id = _text(sent.get("request_id"))
    error = sent.get("error", sent)
    if isinstance(error, dict):
        message = _text(error.get("message")) or _text(error.get("detail"))
        type_ = "" if error is sent else _text(error.get("type"))
        return _Error(type_, message, error.get("details"), request_id)
    return _Error(message=_text(error), request_id=request_id)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _no_answer(status: int, content_type: str, body: bytes) -> str:
    """What to say of a body that holds no error message; never the body itself."""
    if not body.strip():
        return f"the upstream answered {status} with an empty body"
    said = content_type.partition(";")[0] or "a body of unknown type"
    return f"the upstream answered {status} with {said}, which is no API answer (is the base URL right?)"


def _kind(status: int, type_: str, message: str, headers: Mapping[str, str]) -> str:
    """Sort by what the message says where the type says too little, then by type, then by status."""
    if _CONTEXT.search(message) and status in (0, 200, 400, 413, 422):
        return "context"
    if _POLICY.search(message):
        return "policy"
    if _BILLING.search(message):
        return "billing"
    vague = type_ == "api_error" and status not in (0, 200, 500)  # some hosts say it of everything
    kind = (not vague and _KINDS.get(type_)) or ("upstream" if status == 200 else kind_of_status(status))
    if kind == "rate_limit" and (
        headers.get("anthropic-ratelimit-unified-status") == "rejected" or _QUOTA.search(message)
    ):
        return "quota"
    if kind == "not_found" and _MODEL.search(message):
        return "model"
    return kind


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, or None. A moment in time counts from the answer's own `date`; without one it says nothing."""
    found: list[float] = []
    milliseconds = _number(headers.get("retry-after-ms", ""))
    seconds = _number(headers.get("retry-after", ""))
    now = _moment(headers.get("date", ""))
    if milliseconds is not None:
        found.append(milliseconds / 1000)
    elif seconds is not None:
        found.append(seconds)
    elif now is not None and (until := _moment(headers.get("retry-after", ""))) is not None:
        found.append(until - now)
    if now is not None:
        rejected = [name.removesuffix("-status") for name, value in headers.items()
                    if _REJECTABLE.fullmatch(name) and value == "rejected"]  # fmt: skip
        resets = [_number(headers.get(f"{name}-reset", "")) for name in rejected]
        found += [reset - now for reset in resets if reset is not None]
    wait = max(found, default=-1.0)
    return wait if wait >= 0 else None


def _number(text: str) -> float | None:
    """Seconds or milliseconds as headers write them."""
    return float(text) if re.fullmatch(r"\d{1,12}(?:\.\d{1,9})?", text) else None


def _moment(text: str) -> float | None:
    """Unix seconds of an HTTP date."""
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except ValueError:
        return None


def write_failure(failure: Failure, asked: Asked) -> tuple[int, bytes]:
    """Status and body of an error for this dialect's clients.

    A context overflow begins “prompt is too long”, which coding agents answer by compacting. A refused `thread` says
    so in `details`, which makes the SDK's tool runner go on without threads.
    """
    words = words_of(failure)
    return words.claude_status or words.status, msgspec.json.encode(error_object(failure))


def error_object(failure: Failure) -> dict[str, object]:
    """The body of an error, and the data of the stream's `error` event."""
    error: dict[str, object] = {"type": words_of(failure).claude, "message": _say(failure)}
    if failure.code == "thread_unsupported_request":
        error["details"] = {"error_code": failure.code, "unsupported": ["thread"]}
    elif failure.details is not None and failure.type == error["type"]:
        error["details"] = failure.details  # from an upstream of this dialect
    body: dict[str, object] = {"type": "error", "error": error}
    if failure.request_id:
        body["request_id"] = failure.request_id
    return body


def _say(failure: Failure) -> str:
    """The upstream's words; ours are marked as ours."""
    message = message_of(failure)
    if failure.kind != "context" or message.startswith("prompt is too long"):
        return message
    counts = sorted({int(text.replace(",", "")) for text in _COUNT.findall(failure.message)}, reverse=True)
    if len(counts) == 2:
        return f"prompt is too long: {counts[0]} tokens > {counts[1]} maximum ({message})"
    return f"prompt is too long ({message})"
