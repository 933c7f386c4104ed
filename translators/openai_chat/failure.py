"""Errors: what an upstream of this dialect says → Failure, and Failure → what its clients expect.

Source: OpenAI, “Error codes”, read November 2026; other shapes seen at Azure, Mistral, xAI, iFlow, OpenRouter, Ollama.
"""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
from msgspec import Raw

from translators.dialect import Asked
from translators.failures import kind_of_status, message_of, words_of
from translators.model import Failure

_CONTEXT = re.compile(
    r"context[_ ]length|context[_ ]window|prompt (?:is )?too long|maximum (?:context|prompt|input) length"
    r"|input token count.*exceed|too many (?:input )?tokens|exceeds? the (?:model's )?maximum.*tokens",
    re.IGNORECASE,
)
_MODEL = re.compile(
    r"model_not_(?:found|supported)|model[_ ](?:is )?not[_ ](?:supported|found|available)|unsupported model"
    r"|model unavailable|requested model is (?:un|not )(?:supported|available)|not available for your (?:plan|account)"
    r"|model\b.{0,120}\b(?:does not exist|not found)",
    re.IGNORECASE,
)
_QUOTA = re.compile(r"insufficient_quota|quota[_ ]exceeded|exceeded your current quota|free-usage-exhausted", re.I)
_BILLING = re.compile(r"billing_(?:hard_limit|not_active)|insufficient[_ ](?:balance|credits|funds)", re.I)
_AUTH = re.compile(r"invalid_api_key|invalid_grant|bad-credentials|access token could not be validated", re.I)
_OVERLOADED = re.compile(r"overloaded|at capacity|MODEL_CAPACITY", re.I)
_RATE = re.compile(r"rate[_ -]?limit", re.I)
_KEYS = (434, 439)
"""What iFlow says of a key that is wrong or has expired, often inside an answer with status 200."""

_WAIT = re.compile(r"(?:try again in|retry (?:after|in)|resets? in)\s+((?:[\d.]+\s*(?:ms|[hms])[a-z]*\s*)+)", re.I)
_SPAN = re.compile(r"([\d.]+)\s*(ms|h|m|s)", re.I)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

PAGE = "the upstream answered with text/html, which is no API answer; is the base URL right (did you mean …/v1)?"

_PASSED = ("retry-after", "retry-after-ms", "x-request-id", "request-id")


def read_failure(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    """Sort an error answer into a kind. Never raises; the upstream's words stay the message.

    A body that is no API answer (HTML, empty) is described instead of repeated. `retry_after` in seconds.
    """
    known = {name.lower(): value for name, value in headers.items()}
    try:
        tree: Any = msgspec.json.decode(body)
    except ValueError:
        return _no_answer(status, known, body)
    return _failure(status, known, tree)


def read_error(error: Raw, status: int = 0) -> Failure:
    """The error object of a stream or of an answer with status 200."""
    return _failure(status, {}, {"error": msgspec.json.decode(error)})


def is_error(tree: Any) -> bool:
    """Whether a decoded answer says by its members that it is an error (none of them has `choices`)."""
    if isinstance(tree, list):
        return bool(tree) and is_error(tree[0])
    if not isinstance(tree, dict):
        return False
    return bool(tree.get("error")) or ("choices" not in tree and any(tree.get(key) for key in ("msg", "detail")))


def _failure(status: int, headers: dict[str, str], tree: Any) -> Failure:
    error = _error_of(tree)
    code, kind_word = _word(error.get("code")), _word(error.get("type"))
    message = _message(error) or f"the upstream answered {status} without a message"
    if status < 400:  # an error that came with 200: some hosts put the status they meant into the code
        for said in (error.get("code"), error.get("status")):
            if _word(said).isdigit() and 400 <= int(_word(said)) < 600:
                status = int(_word(said))
                break
    kind = _kind(status, f"{code} {kind_word} {message}")
    top = tree if isinstance(tree, dict) else {}
    return Failure(
        kind=kind,
        message=message,
        status=status,
        code="" if code.isdigit() else code,
        param=_word(error.get("param")),
        type=kind_word,
        retry_after=_retry_after(headers, message),
        request_id=headers.get("x-request-id") or headers.get("request-id") or _word(top.get("request_id")),
        headers=_passed(headers),
    )


def _error_of(tree: Any) -> dict[str, Any]:
    if isinstance(tree, list):
        tree = tree[0] if tree else {}
    if isinstance(tree, str):
        return {"message": tree}
    if not isinstance(tree, dict):
        return {}
    error = tree.get("error")
    if isinstance(error, dict):
        return error
    if isinstance(error, str):  # xAI: {"code": …, "error": "text"}
        return {**tree, "message": error}
    return tree


def _word(value: Any) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _message(error: dict[str, Any]) -> str:
    for name in ("message", "msg", "detail", "error_description"):
        value = error.get(name)
        if isinstance(value, str) and value:
            return value
        if value:
            return msgspec.json.encode(value).decode()
    return ""


def _kind(status: int, words: str) -> str:
    """The kind that the words show, where they show one that fits the status; else the status's own."""
    client, open_status = 400 <= status < 500, status < 400
    if (client or open_status) and status != 429 and _CONTEXT.search(words):
        return "context"
    if _BILLING.search(words) or status == 402:
        return "billing"
    if _QUOTA.search(words) and status in (0, 200, 403, 429):
        return "quota"
    if ((status in (401, 403) or open_status) and _AUTH.search(words)) or status in _KEYS:
        return "auth"
    if (status in (400, 404, 422) or open_status) and _MODEL.search(words):
        return "model"
    if (status >= 429 or open_status) and _OVERLOADED.search(words):
        return "overloaded"
    if open_status or status == 449:
        return "rate_limit" if status == 449 or _RATE.search(words) else _kind_of_words(words)
    return kind_of_status(status)


def _kind_of_words(words: str) -> str:
    return "invalid" if "invalid_request" in words else "upstream"


def _no_answer(status: int, headers: dict[str, str], body: bytes) -> Failure:
    kind = kind_of_status(status) if status >= 400 else "upstream"
    text = body[:2000].strip()
    sort = headers.get("content-type", "").partition(";")[0]
    if not text:
        message = f"the upstream answered {status} with an empty body"
    elif text[:1] == b"<" or "html" in sort:
        message = (
            f"the upstream answered {status} with {sort or 'text/html'}, which is no API answer; "
            "is the base URL right (did you mean …/v1)?"
        )
    else:
        message = text[:500].decode("utf-8", "replace")
        kind = _kind(status, message) if status >= 400 else kind
    request_id = headers.get("x-request-id") or headers.get("request-id", "")
    return Failure(
        kind=kind,
        message=message,
        status=status,
        retry_after=_retry_after(headers, message),
        request_id=request_id,
        headers=_passed(headers),
    )


def _passed(headers: dict[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in headers.items()
        if name in _PASSED or name.startswith(("x-ratelimit-", "ratelimit"))
    }


def _retry_after(headers: dict[str, str], message: str) -> float | None:
    """Seconds to wait: retry-after-ms, retry-after, the reset of the limit that is used up, or the message's words."""
    for value, unit in ((headers.get("retry-after-ms"), 0.001), (headers.get("retry-after"), 1.0)):
        if value and re.fullmatch(r"\d+(\.\d+)?", value.strip()):
            return float(value) * unit
    if "retry-after" in headers and "date" in headers:
        try:
            until = parsedate_to_datetime(headers["retry-after"]) - parsedate_to_datetime(headers["date"])
            return max(0.0, until.total_seconds())
        except (ValueError, TypeError):
            pass
    for what in ("requests", "tokens"):
        if headers.get(f"x-ratelimit-remaining-{what}") == "0" and (
            wait := _span(headers.get(f"x-ratelimit-reset-{what}", ""))
        ):
            return wait
    found = _WAIT.search(message)
    return _span(found[1]) if found else None


def _span(text: str) -> float | None:
    """Seconds of "6m0s", "1.5s", "250ms", "26 seconds"."""
    pieces = _SPAN.findall(text)
    try:
        return sum(float(count) * _SECONDS[unit.lower()] for count, unit in pieces) if pieces else None
    except ValueError:
        return None


# --- towards the client ---------------------------------------------------------------------------------------------


def error_object(failure: Failure) -> dict[str, Any]:
    """{"error": …} as OpenAI's clients read it. An upstream's own code stays where the kind has none."""
    words = words_of(failure)
    kind, code = words.openai
    message = message_of(failure)
    return {
        "error": {
            "message": message,
            "type": kind,
            "param": failure.param.removeprefix("$.") or None,
            "code": code or failure.code or None,
        }
    }


def write_failure(failure: Failure, asked: Asked) -> tuple[int, bytes]:
    """Status and body of an error answer."""
    return words_of(failure).status, msgspec.json.encode(error_object(failure))
