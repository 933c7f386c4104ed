"""Errors of the Responses API, both ways: HTTP bodies, and the events that break a stream."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct

from translators.dialect import Asked
from translators.errors import Unreadable
from translators.failures import KINDS, kind_of_status, message_of, words_of
from translators.model import Failure
from translators.openai_responses import wire

_CODES = {
    "context_length_exceeded": "context",
    "context_window_exceeded": "context",
    "string_above_max_length": "invalid",
    "rate_limit_exceeded": "rate_limit",
    "rate_limit_error": "rate_limit",
    "too_many_requests": "rate_limit",
    "insufficient_quota": "quota",
    "usage_limit_reached": "quota",
    "usage_not_included": "quota",
    "quota_exceeded": "quota",
    "billing_hard_limit_reached": "billing",
    "billing_not_active": "billing",
    "invalid_api_key": "auth",
    "account_deactivated": "auth",
    "authentication_error": "auth",
    "token_expired": "auth",
    "model_not_found": "model",
    "permission_error": "permission",
    "unsupported_country_region_territory": "permission",
    "server_error": "server",
    "internal_error": "server",
    "internal_server_error": "server",
    "server_is_overloaded": "overloaded",
    "server_overloaded": "overloaded",
    "overloaded_error": "overloaded",
    "slow_down": "overloaded",
    "engine_overloaded": "overloaded",
    "vector_store_timeout": "timeout",
    "upstream_timeout": "timeout",
    "invalid_prompt": "invalid",
    "invalid_request_error": "invalid",
    "invalid_encrypted_content": "invalid",
    "not_supported": "unsupported",
}
"""What OpenAI calls it in `code` (or, failing that, `type`) → kind."""

_CONTEXT = re.compile(
    r"maximum context length|context window|context_length|prompt is too long|maximum number of tokens"
    r"|exceed(?:s|ed)? (?:the )?(?:model's )?context|too many tokens",
    re.IGNORECASE,
)
_OVERLOADED = re.compile(r"overloaded|at capacity|slow down", re.IGNORECASE)
_AGAIN = re.compile(r"(?:try again|retry) (?:in|after) ((?:\d+(?:\.\d+)?\s*(?:ms|h|m|s)[a-z]*\s*)+)", re.IGNORECASE)
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|h|m|s)", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

_TOLD = ("x-request-id", "openai-processing-ms", "retry-after", "retry-after-ms")
_NO_CODE = {"invalid": "invalid_prompt", "unprocessable": "invalid_prompt", "too_large": "invalid_prompt"}


class _Error(Struct):
    message: str | None = None
    type: str | None = None
    code: str | int | None = None
    param: str | None = None
    resets_in_seconds: int | float | None = None
    resets_at: int | float | None = None


# --- reading --------------------------------------------------------------------------------------------------------


def read_failure(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    """Read an error answer of an upstream. Never raises.

    retry_after (seconds) comes from, in this order: `retry-after-ms`, `retry-after`, the body's `resets_in_seconds`
    or `resets_at`, “try again in …” in the message, and the `x-ratelimit-reset-…` of what is used up.
    """
    told = {name.lower(): value for name, value in headers.items()}
    error = _find_error(body)
    if error is None:
        return _no_answer(status, told, body)
    return _failure(
        error,
        status,
        retry_after=_retry_after(told, error),
        request_id=told.get("x-request-id", ""),
        headers={name: value for name, value in told.items() if name in _TOLD or name.startswith("x-ratelimit-")},
        details=_details(body),
    )


def failure_in(raw: bytes | Raw) -> Failure:
    """Read the error of a stream that began with status 200: an `error` object, flat or nested. Never raises."""
    error = _find_error(bytes(raw)) or _Error()
    return _failure(error, 0, retry_after=_retry_after({}, error), request_id="", headers={}, details=_details(raw))


def _find_error(body: bytes) -> _Error | None:
    """The error object of a body, whatever it is wrapped in; None if there is none."""
    try:
        tree = wire.plain(body)
    except (ValueError, Unreadable):
        return None
    if isinstance(tree, list) and tree:
        tree = tree[0]
    if isinstance(tree, str):
        return _Error(message=tree)
    if not isinstance(tree, dict):
        return None
    inner = tree.get("error", tree.get("detail", tree))
    if isinstance(inner, str):
        return _Error(message=inner, code=tree.get("code") if isinstance(tree.get("code"), str) else None)
    if isinstance(inner, list):
        return _Error(message=wire.encode(inner).decode())
    if not isinstance(inner, dict) or not inner:
        return None
    said = {name: inner.get(name) for name in _Error.__struct_fields__}
    try:
        error = msgspec.convert(said, _Error)
    except msgspec.ValidationError:
        error = _Error(message=inner["message"] if isinstance(inner.get("message"), str) else None)
    return error if error.message or error.code or error.type else None


def _failure(
    error: _Error, status: int, *, retry_after: float | None, request_id: str, headers: dict[str, str],
    details: Raw | None,
) -> Failure:  # fmt: skip
    message = error.message or f"the upstream gave no reason (status {status})"
    kind = _kind(error, status, message)
    return Failure(
        kind=kind,
        message=message,
        status=status or KINDS[kind].status,
        code="" if error.code is None else str(error.code),
        param=error.param or "",
        type="" if error.type in (None, "error") else error.type,  # a flat error event is its own error object
        retry_after=retry_after,
        request_id=request_id,
        headers=headers,
        details=details,
    )


def _kind(error: _Error, status: int, message: str) -> str:
    by_code = _CODES.get(str(error.code)) or _CODES.get(error.type or "")
    if by_code == "context" or (status in (0, 400, 413) and _CONTEXT.search(message)):
        return "context"
    if by_code == "invalid" and status not in (0, 400):
        by_code = None  # the type is invalid_request_error for 401, 404 … as well: the status knows more
    if by_code == "server" and status not in (0, 200, 500):
        by_code = None  # some hosts say server_error of everything
    if by_code:
        return by_code
    if status:
        return "overloaded" if status >= 500 and _OVERLOADED.search(message) else kind_of_status(status)
    if isinstance(error.code, int) and 400 <= error.code < 600:  # hosts that put the status there
        return kind_of_status(error.code)
    code = str(error.code or "")
    if code.startswith(("invalid_", "image_", "unsupported_", "empty_", "failed_to_download")) or "policy" in code:
        return "invalid"
    return "overloaded" if _OVERLOADED.search(message) else "server"


def _no_answer(status: int, told: dict[str, str], body: bytes) -> Failure:
    kind = told.get("content-type", "") or "no content type"
    begin = body[:200].decode(errors="replace").strip()
    page = begin.startswith("<") or "html" in kind
    if not begin:
        message = f"the upstream answered status {status} with an empty body"
    else:
        message = (
            f"the upstream answered status {status} with {kind}, which is no API answer "
            f"(does its address end in /v1?){'' if page else f': {begin}'}"
        )
    return Failure(
        kind=kind_of_status(status),
        message=message,
        status=status,
        retry_after=_retry_after(told, _Error()),
        request_id=told.get("x-request-id", ""),
        headers={name: value for name, value in told.items() if name in _TOLD or name.startswith("x-ratelimit-")},
    )


def _details(raw: bytes | Raw) -> Raw | None:
    return Raw(bytes(raw)) if len(memoryview(raw)) <= 8192 else None


def _retry_after(told: Mapping[str, str], error: _Error) -> float | None:
    """Seconds to wait, or None if nobody says."""
    now = _date(told.get("date", ""))
    if (milliseconds := _number(told.get("retry-after-ms", ""))) is not None:
        return milliseconds / 1000
    if (seconds := _number(told.get("retry-after", ""))) is not None:
        return seconds
    until = _date(told.get("retry-after", ""))
    if until is not None and now is not None:
        return max(0.0, until - now)
    if error.resets_in_seconds is not None:
        return float(error.resets_in_seconds)
    if error.resets_at is not None and now is not None:
        return max(0.0, float(error.resets_at) - now)
    if found := _AGAIN.search(error.message or ""):
        return _span(found.group(1))
    used_up = [
        _span(told.get(f"x-ratelimit-reset-{what}", ""))
        for what in ("requests", "tokens")
        if told.get(f"x-ratelimit-remaining-{what}") == "0"
    ]
    return max((seconds for seconds in used_up if seconds is not None), default=None)


def _span(text: str) -> float | None:
    """Seconds of `6m0s`, `20ms`, `1.5s`; None if there is nothing of the kind."""
    found = _SPAN.findall(text)
    return round(sum(float(number) * _SECONDS[unit.lower()] for number, unit in found), 3) if found else None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 1e9 else None


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError):
        return None


# --- writing --------------------------------------------------------------------------------------------------------


def write_failure(failure: Failure, asked: Asked) -> tuple[int, bytes]:
    """Status and body of an error for a Responses client."""
    words = words_of(failure)
    kind, code = words.openai
    body = {
        "error": {
            "message": message_of(failure),
            "type": kind,
            "param": failure.param.removeprefix("$.") or None,
            "code": code or failure.code or None,
        }
    }
    return words.status, wire.encode(body)


def error_in_response(failure: Failure) -> dict[str, Any]:
    """`error` of a response that failed under way; `code` is required there."""
    kind, code = words_of(failure).openai
    return {"code": code or _NO_CODE.get(failure.kind, kind), "message": message_of(failure)}
