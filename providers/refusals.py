"""What single upstreams say in an error beyond their dialect's words: whose limit it is, and when it ends.

Each takes a failure as its dialect read it, the answer's headers (names in lower case) and the time (unix seconds).

Sources: the vendors' clients and error pages, read November 2026; users' reports of refused log-ins.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
from msgspec.structs import replace

from providers.spans import read_number
from translators.model import Failure

type Refusal = Callable[[Failure, Mapping[str, str], float], Failure]

ACCOUNT_LIMIT = "account_limit"
"""Code of a failure whose limit is the whole account's, whatever the model."""

_LIMITED = ("quota", "rate_limit")


def claude(failure: Failure, headers: Mapping[str, str], now: float) -> Failure:
    """Windows of 5 hours and 7 days are the account's; the one of the largest models alone is not."""
    if failure.kind == "policy":
        hint = "A subscription serves its vendor's own clients; for others use an API key (claude-api-key)."
        return replace(failure, message=f"{failure.message} [{hint}]")
    if failure.kind not in _LIMITED:
        return failure
    status = {
        name: headers.get(f"anthropic-ratelimit-unified-{name}status", "") for name in ("", "5h-", "7d-", "7d_oi-")
    }
    shared = "rejected" in (status["5h-"], status["7d-"])
    if shared or (status[""] == "rejected" and status["7d_oi-"] != "rejected"):
        return replace(failure, kind="quota", code=ACCOUNT_LIMIT)
    return failure


_WINDOW = re.compile(r"x-codex-(primary|secondary)-used-percent")


def codex(failure: Failure, headers: Mapping[str, str], now: float) -> Failure:
    """Windows that all models share, which the headers tell of; a page of the gate before the backend; trouble with the
    log-in in words.
    """
    if "cf-mitigated" in headers:
        return replace(failure, code="cf-mitigated")
    said = f"{failure.code} {failure.type} {failure.message}".lower()
    if "selected model is at capacity" in said:
        return replace(failure, kind="overloaded")
    if failure.status in (401, 403) and (why := _identity(headers)):
        return replace(failure, message=f"{failure.message} ({why})")
    wait = _used_up(headers, now) if failure.kind in _LIMITED else None
    if wait is not None:  # not a limit of one model, which is told in words only
        return replace(failure, kind="quota", code=ACCOUNT_LIMIT, retry_after=failure.retry_after or wait)
    return failure


def _identity(headers: Mapping[str, str]) -> str:
    """What the backend says of a refused log-in, in its own headers."""
    said = headers.get("x-openai-authorization-error", "")
    try:
        told = msgspec.json.decode(base64.b64decode(headers.get("x-error-json", ""), validate=True))
        said = said or str(told["error"]["code"])
    except (binascii.Error, ValueError, LookupError, TypeError):
        pass
    return said


def _used_up(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until the last of the windows that are used up begins anew."""
    waits = []
    for name, value in headers.items():
        found = _WINDOW.fullmatch(name)
        if found is None or (read_number(value) or 0) < 100:
            continue
        at = read_number(headers.get(f"x-codex-{found[1]}-reset-at", ""))
        after = read_number(headers.get(f"x-codex-{found[1]}-reset-after-seconds", ""))
        wait = at - now if at is not None else after
        if wait is not None and wait > 0:
            waits.append(wait)
    return max(waits, default=None)


_FREE_USE = re.compile(r"free-usage-exhausted|included free usage", re.IGNORECASE)
_DAY = 86400.0


def xai(failure: Failure, headers: Mapping[str, str], now: float) -> Failure:
    """The free use of a day has no reset of its own; bad tokens come as 403."""
    said = f"{failure.code} {failure.message}"
    if failure.status == 429 and _FREE_USE.search(said):
        return replace(failure, kind="quota", code=ACCOUNT_LIMIT, retry_after=failure.retry_after or _DAY)
    return failure


def kimi(failure: Failure, headers: Mapping[str, str], now: float) -> Failure:
    """Kimi lets only clients in that it knows: no fault of the account, and none that another one could mend."""
    said = f"{failure.code} {failure.type} {failure.message}".lower()
    if failure.status == 403 and ("access_terminated_error" in said or "only available for coding agents" in said):
        return replace(failure, kind="policy", message=f"client not admitted by Kimi: {failure.message}")
    return failure


_QWEN_QUOTA = re.compile(r"insufficient_quota|quota[_ ]exceeded|free allocated quota exceeded", re.IGNORECASE)
_SHANGHAI = 8 * 3600.0


def qwen(failure: Failure, headers: Mapping[str, str], now: float) -> Failure:
    """A day's quota, which begins anew at midnight in Shanghai."""
    if failure.status in (403, 429) and _QWEN_QUOTA.search(f"{failure.code} {failure.type} {failure.message}"):
        wait = _DAY - (now + _SHANGHAI) % _DAY
        return replace(failure, kind="quota", code=ACCOUNT_LIMIT, retry_after=wait)
    return failure


def code_assist(failure: Failure, headers: Mapping[str, str], now: float) -> Failure:
    """Code Assist: models that a tier does not have come as 404, trouble of its own as 499; resets may be dates."""
    if failure.status == 404:
        message = f"{failure.message} (Code Assist: this account's tier does not have the model)"
        return replace(failure, kind="model", code="model_not_supported", message=message)
    if failure.status == 499:
        return replace(failure, kind="upstream", status=502)
    if failure.kind in _LIMITED and failure.retry_after is None:
        return replace(failure, retry_after=_reset(failure, now))
    return failure


def _reset(failure: Failure, now: float) -> float | None:
    """Seconds until the moment that Google's details name."""
    found = _RESET.search(bytes(failure.details)) if failure.details is not None else None
    try:
        wait = datetime.fromisoformat(found[1].decode()).timestamp() - now if found is not None else 0
    except ValueError:
        return None
    return wait if wait > 0 else None


_RESET = re.compile(rb'"quotaResetTimeStamp"\s*:\s*"(\d[\w:.+-]*)"')


REFUSALS: dict[str, Refusal] = {
    "claude": claude,
    "code_assist": code_assist,
    "codex": codex,
    "kimi": kimi,
    "qwen": qwen,
    "xai": xai,
}
"""By the name that `refusals` in data/providers.yaml uses."""
