"""Kinds of failure: one table for all dialects.

A reader of errors sorts what an upstream said into a kind; a writer looks its own words up by kind. Statuses and
types are the vendors'
(Anthropic “Errors”, OpenAI “Error codes”, Google “google.rpc.Code”, read November 2026).
"""

from typing import NamedTuple

from translators.key_shapes import without_keys
from translators.model import Failure


class Words(NamedTuple):
    """How each dialect says a kind. openai is (type, code or None)."""

    status: int
    claude: str
    openai: tuple[str, str | None]
    gemini: str
    claude_status: int = 0  # where Anthropic's status differs
    gemini_status: int = 0


KINDS: dict[str, Words] = {
    "invalid": Words(400, "invalid_request_error", ("invalid_request_error", None), "INVALID_ARGUMENT"),
    "context": Words(
        400, "invalid_request_error", ("invalid_request_error", "context_length_exceeded"), "INVALID_ARGUMENT"
    ),
    "auth": Words(401, "authentication_error", ("invalid_request_error", "invalid_api_key"), "UNAUTHENTICATED"),
    "billing": Words(402, "billing_error", ("insufficient_quota", "insufficient_quota"), "FAILED_PRECONDITION"),
    "permission": Words(403, "permission_error", ("permission_error", None), "PERMISSION_DENIED"),
    "policy": Words(403, "permission_error", ("permission_error", "provider_policy"), "PERMISSION_DENIED"),
    "not_found": Words(404, "not_found_error", ("invalid_request_error", None), "NOT_FOUND"),
    "model": Words(404, "not_found_error", ("invalid_request_error", "model_not_found"), "NOT_FOUND"),
    "method": Words(405, "invalid_request_error", ("invalid_request_error", None), "UNIMPLEMENTED"),
    "request_timeout": Words(408, "timeout_error", ("invalid_request_error", None), "DEADLINE_EXCEEDED"),
    "conflict": Words(409, "conflict_error", ("invalid_request_error", None), "ABORTED"),
    "too_large": Words(413, "request_too_large", ("invalid_request_error", None), "INVALID_ARGUMENT"),
    "unprocessable": Words(422, "invalid_request_error", ("invalid_request_error", None), "INVALID_ARGUMENT"),
    "upgrade": Words(426, "invalid_request_error", ("invalid_request_error", "upgrade_refused"), "FAILED_PRECONDITION"),
    "rate_limit": Words(429, "rate_limit_error", ("rate_limit_error", "rate_limit_exceeded"), "RESOURCE_EXHAUSTED"),
    "quota": Words(429, "rate_limit_error", ("insufficient_quota", "insufficient_quota"), "RESOURCE_EXHAUSTED"),
    "cooling": Words(429, "rate_limit_error", ("rate_limit_error", "model_cooldown"), "RESOURCE_EXHAUSTED"),
    "server": Words(500, "api_error", ("server_error", None), "INTERNAL"),
    "unsupported": Words(501, "invalid_request_error", ("invalid_request_error", "not_supported"), "UNIMPLEMENTED"),
    "upstream": Words(502, "api_error", ("server_error", "bad_upstream"), "UNAVAILABLE"),
    "truncated": Words(502, "api_error", ("server_error", "upstream_truncated"), "UNAVAILABLE"),
    "overloaded": Words(503, "overloaded_error", ("server_error", "server_overloaded"), "UNAVAILABLE", 529),
    "unavailable": Words(503, "api_error", ("server_error", "no_credential"), "UNAVAILABLE"),
    "timeout": Words(504, "timeout_error", ("server_error", "upstream_timeout"), "DEADLINE_EXCEEDED"),
}

_BY_STATUS = {
    400: "invalid", 401: "auth", 402: "billing", 403: "permission", 404: "not_found", 405: "method",
    408: "request_timeout", 409: "conflict", 413: "too_large", 422: "unprocessable", 426: "upgrade",
    429: "rate_limit", 500: "server", 501: "unsupported", 502: "upstream", 503: "overloaded",
    504: "timeout", 529: "overloaded",
}  # fmt: skip


def kind_of_status(status: int) -> str:
    """The kind an HTTP status alone suggests: 4xx without a row is `invalid`, everything else `server`."""
    return _BY_STATUS.get(status) or ("invalid" if 400 <= status < 500 else "server")


def words_of(failure: Failure) -> Words:
    """The row of a failure; an unknown kind is worded as its status would be."""
    return KINDS.get(failure.kind) or KINDS[kind_of_status(failure.status)]


def message_of(failure: Failure) -> str:
    """The words for a client: ours are marked as ours, and a key that an upstream repeats is not passed on."""
    message = f"cliproxy: {failure.message}" if failure.origin == "cliproxy" else failure.message
    return without_keys(message)
