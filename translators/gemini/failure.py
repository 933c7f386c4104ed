"""Errors, both ways.

Source: Google, “Troubleshooting: error codes” of the Gemini API, google.rpc.Code and google.rpc.error_details, read
November 2026.
"""

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
from msgspec import Raw

from translators.dialect import Asked
from translators.failures import kind_of_status, message_of, words_of
from translators.gemini import wire
from translators.model import Failure


class _Detail(msgspec.Struct):
    """google.rpc.ErrorInfo, RetryInfo or QuotaFailure: what is looked at."""

    kind: str = msgspec.field(default="", name="@type")
    reason: str = ""
    retryDelay: str = ""
    metadata: dict[str, Any] = {}
    violations: list[dict[str, Any]] = []
    links: list[dict[str, Any]] = []


_details = msgspec.json.Decoder(list[Raw])
_detail = msgspec.json.Decoder(_Detail)

_STATUSES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_REASONS = {
    "API_KEY_INVALID": "auth",
    "API_KEY_EXPIRED": "auth",
    "ACCESS_TOKEN_EXPIRED": "auth",
    "CREDENTIALS_MISSING": "auth",
    "RATE_LIMIT_EXCEEDED": "rate_limit",
    "QUOTA_EXHAUSTED": "quota",
    "MODEL_CAPACITY_EXHAUSTED": "overloaded",
    "MODEL_CAPACITY_EXCEEDED": "overloaded",
    "INSUFFICIENT_G1_CREDITS_BALANCE": "billing",
    "BILLING_DISABLED": "billing",
    "SERVICE_DISABLED": "permission",
    "VALIDATION_REQUIRED": "permission",
    "SECURITY_POLICY_VIOLATED": "permission",
    "CONSUMER_SUSPENDED": "permission",
}
_CONTEXT = re.compile(r"input (?:token count|context)|exceeds? the (?:maximum|model's) .*tokens", re.IGNORECASE)
_LONG = 300  # seconds: a rate limit of longer than this is a used-up quota (Google's own command line says so too)

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_IN_TEXT = re.compile(r"(?:after|retry in|resets? in)\s+((?:\d+(?:\.\d+)?(?:ms|[dhms])\s*)+)", re.IGNORECASE)

_KEPT = ("x-request-id", "x-goog-request-id", "retry-after")


def seconds_of(text: str) -> float | None:
    """A duration (`12.5s`, `1h2m3s`, `900ms`) in seconds."""
    found = _DURATION.fullmatch(text.replace(" ", ""))
    if found is None or not any(found.groups()):
        return None
    days, hours, minutes, seconds, thousandths = (float(value or 0) for value in found.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + seconds + thousandths / 1000


def failure_of(error: wire.Error | str, status: int = 0) -> Failure:
    """The Failure of Google's error object; `status` is the HTTP status if there was one of its own."""
    if isinstance(error, str):
        error = wire.Error(message=error)
    message = error.message or "the upstream gave no reason"
    code = error.code if error.code and 400 <= error.code < 600 else 0
    status = status if status >= 400 else code or _STATUSES.get(error.status or "", 500)
    details = _read_details(wire.given(error.details))
    retry = _retry(details, message)
    kind = _kind(status, error.status or "", message, details, retry)
    reason = next((detail.reason for detail in details if detail.reason), "")
    return Failure(
        kind=kind,
        message=_with_page(message, details),
        status=status,
        code=reason,
        type=error.status or "",
        retry_after=retry,
        details=wire.given(error.details),
    )


_PAGES = ("validation_link", "validation_url", "activationUrl")


def _with_page(message: str, details: list[_Detail]) -> str:
    """The message, with the page where the account's owner can mend it, if the details name one."""
    found = [detail.metadata.get(name) for detail in details for name in _PAGES]
    found += [link.get("url") for detail in details for link in detail.links if detail.kind.endswith("rpc.Help")]
    page = next((url for url in found if isinstance(url, str) and url.startswith("https://")), "")
    return f"{message} ({page})" if page and page not in message else message


def _read_details(raw: Raw | None) -> list[_Detail]:
    found: list[_Detail] = []
    try:
        listed = _details.decode(raw) if raw is not None else []
    except msgspec.DecodeError:
        return []
    for item in listed:
        try:
            found.append(_detail.decode(item))
        except msgspec.DecodeError:
            continue
    return found


def _retry(details: list[_Detail], message: str) -> float | None:
    """Seconds to wait, from the best source there is."""
    for detail in details:
        if (seconds := seconds_of(detail.retryDelay)) is not None:
            return seconds
    for detail in details:
        delay = detail.metadata.get("quotaResetDelay")
        if isinstance(delay, str) and (seconds := seconds_of(delay)) is not None:
            return seconds
    found = _IN_TEXT.search(message)
    if found is None and "PerMinute" in _quotas(details):
        return 60.0
    return seconds_of(found[1]) if found else None


def _quotas(details: list[_Detail]) -> str:
    return " ".join(str(violation.get("quotaId", "")) for detail in details for violation in detail.violations)


def _kind(status: int, word: str, message: str, details: list[_Detail], retry: float | None) -> str:
    reasons = [_REASONS[detail.reason] for detail in details if detail.reason in _REASONS]
    lower = message.lower()
    if status == 429 or word == "RESOURCE_EXHAUSTED":
        return _limit(reasons, lower, details, retry)
    if reasons:
        return reasons[0]
    if status in (400, 413) and _CONTEXT.search(message):
        return "context"
    if status == 400 and "api key" in lower:
        return "auth"
    if word == "FAILED_PRECONDITION":
        return "billing" if "billing" in lower else "permission" if "location" in lower else "invalid"
    if status == 404 and "model" in lower:
        return "model"
    return kind_of_status(status)


def _limit(reasons: list[str], lower: str, details: list[_Detail], retry: float | None) -> str:
    """Which limit a 429 is about: the minute's, the account's, or the server's own."""
    if reasons and reasons[0] != "rate_limit":
        return reasons[0]
    quotas = _quotas(details)
    if "PerDay" in quotas or "Daily" in quotas or (retry is not None and retry > _LONG):
        return "quota"
    if "PerMinute" in quotas or reasons or retry is not None:
        return "rate_limit"
    if "capacity" in lower or "overloaded" in lower:
        return "overloaded"
    return "quota" if "quota" in lower else "rate_limit"


def read_failure(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    """Read an error answer. Never raises, whatever the body is.

    Kinds come from the status, google.rpc reasons and, where Google gives no reason, its texts; the time to wait
    from RetryInfo, quotaResetDelay, the text, and `retry-after` before all of them.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    error = _error_of(body)
    if error is None:
        failure = Failure(kind=kind_of_status(status), message=_no_answer(status, lower, body), status=status)
    else:
        failure = failure_of(error, status)
    waiting = _retry_after(lower)
    return msgspec.structs.replace(
        failure,
        retry_after=waiting if waiting is not None else failure.retry_after,
        request_id=lower.get("x-request-id") or lower.get("x-goog-request-id") or "",
        headers={
            name: value
            for name, value in lower.items()
            if name in _KEPT or name.startswith(("x-ratelimit-", "ratelimit-"))
        },
    )


def _error_of(body: bytes) -> wire.Error | str | None:
    """The error in a body: Google's object, perhaps in an array, or whatever else has a message."""
    try:
        tree = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    if isinstance(tree, list) and tree:
        tree = tree[0]
    if isinstance(tree, str):
        return tree
    if not isinstance(tree, dict):
        return None
    said = tree.get("error")
    if isinstance(said, dict):
        code, status, details = said.get("code"), said.get("status"), said.get("details")
        return wire.Error(
            code=code if isinstance(code, int) else None,
            message=_words(said.get("message")),
            status=status if isinstance(status, str) else None,
            details=Raw(msgspec.json.encode(details)) if isinstance(details, list) else Raw(),
        )
    for value in (said, tree.get("error_description"), tree.get("message"), tree.get("detail")):
        if value is not None:
            return _words(value)
    return None


def _words(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode() if value is not None else ""


def _no_answer(status: int, headers: Mapping[str, str], body: bytes) -> str:
    kind = headers.get("content-type", "").partition(";")[0] or "no content type"
    text = body[:200].decode("utf-8", "replace").strip()
    if not text:
        return f"the upstream answered {status} with an empty body"
    if text.startswith("<"):
        return f"the upstream answered {status} with {kind}, which is no API answer (did you mean …/v1beta?)"
    return f"the upstream answered {status} with {kind}: {text}"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
        return seconds if seconds >= 0 and math.isfinite(seconds) else None
    except ValueError:
        pass
    try:  # a date counts from the answer's own date, so that no clock is needed
        until, now = parsedate_to_datetime(value), parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError):
        return None


def error_of(failure: Failure) -> dict[str, Any]:
    """Google's error body for a failure: `error` first, a numeric `code` in it."""
    words = words_of(failure)
    status = words.gemini_status or words.status
    message = message_of(failure)
    details: Any = []
    if failure.details is not None and bytes(failure.details).lstrip()[:1] == b"[":
        details = failure.details
    elif failure.retry_after is not None:
        delay = f"{failure.retry_after:g}s" if failure.retry_after < 1e5 else f"{failure.retry_after:.0f}s"
        details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}]
    return {"error": {"code": status, "message": message, "status": words.gemini, "details": details}}


def write_failure(failure: Failure, asked: Asked) -> tuple[int, bytes]:
    """Status and body; the array form of the stream wraps its errors in an array."""
    found = error_of(failure)
    body = msgspec.json.encode([found] if asked.array else found)
    return found["error"]["code"], body
