"""What a failure means for the credential that met it: one published table, first row that fits.

Two ideas run through it. A fault of the request is answered at once: no other credential would fare better, and none
is to blame. A fault of the credential or the upstream moves the exchange to the next credential and rests the one that
failed, for that model unless the whole account is meant, and never longer than half an hour without asking again.

Sources: the vendors' error pages and rate-limit guides (Anthropic, OpenAI, Google; read November 2026) and the
reports of gateway users about cooldowns that outlived their cause.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from translators.failures import KINDS, kind_of_status
from translators.model import Failure

HALF_HOUR = 1800.0
"""No cooldown is longer: quotas come back early, and one request a half-hour finds out."""

SHORT = 60.0


@dataclass(frozen=True, slots=True)
class Cool:
    """How long a credential rests, in seconds. The first that is known counts: the upstream's hint (if `hint`),
    `seconds`, the configured transient time (if `transient`), else 1 s · 2ⁿ (if `backoff`), n being the failures in a
    row.

    floor, cap: limits to any of them. after: the failure in a row with which it begins (2: the first is forgiven).
    always: also where cooling is disabled, since waiting is not what it is about.
    """

    seconds: float = 0.0
    hint: bool = False
    transient: bool = False
    backoff: bool = False
    floor: float = 0.0
    cap: float = HALF_HOUR
    after: int = 1
    always: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a failure.

    reason: one word for tables and model lists. rotate: another credential may serve this request.
    cool: how long this one rests. scope: what rests, the pair of credential and model or the whole credential.
    refresh: try the same credential once more with a new token. unseal: try it once more without the reasoning state
    of earlier turns. other_kind: only a credential of another kind (an
    API key instead of a subscription) may serve it. keeps_session: sessions stay bound to the credential.
    again: a whole new round over all credentials may help. hides: a model whose every credential is in this state
    leaves the model lists.
    """

    reason: str
    rotate: bool = False
    cool: Cool | None = None
    scope: Literal["model", "credential"] = "model"
    refresh: bool = False
    unseal: bool = False
    other_kind: bool = False
    keeps_session: bool = False
    again: bool = False
    hides: bool = False

    @property
    def final(self) -> bool:
        """The client gets this answer: nothing else is tried."""
        return not (self.rotate or self.refresh or self.unseal or self.other_kind)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: all of its conditions that are not empty must hold. text: found in message, code or type, in
    any case. hinted: the upstream said, or did not say, how long to wait.
    """

    verdict: Verdict
    kinds: frozenset[str] = frozenset()
    statuses: frozenset[int] = frozenset()
    codes: frozenset[str] = frozenset()
    text: re.Pattern[str] | None = None
    operations: frozenset[str] = frozenset()
    hinted: bool | None = None
    why: str = ""


def _row(
    verdict: Verdict,
    *,
    kinds: Collection[str] = (),
    statuses: Collection[int] = (),
    codes: Collection[str] = (),
    text: str = "",
    operations: Collection[str] = (),
    hinted: bool | None = None,
    why: str = "",
) -> Row:
    pattern = re.compile(text, re.IGNORECASE) if text else None
    return Row(
        verdict, frozenset(kinds), frozenset(statuses), frozenset(codes), pattern, frozenset(operations), hinted, why
    )


# --- verdicts -------------------------------------------------------------------------------------------------------

CLIENT = Verdict("client", keeps_session=True)
REQUEST = Verdict("request", keeps_session=True)
SEALED = Verdict("seals", unseal=True, keeps_session=True)
POLICY = Verdict("policy", other_kind=True)
ELSEWHERE = Verdict("unsupported", rotate=True, keeps_session=True)
COUNTING = Verdict("counting", rotate=True, keeps_session=True)
MISSING = Verdict("not_found", rotate=True, cool=Cool(seconds=SHORT, after=2))
NOT_OFFERED = Verdict("model_not_supported", rotate=True, cool=Cool(seconds=HALF_HOUR, always=True), hides=True)
UNAUTHORIZED = Verdict(
    "unauthorized", rotate=True, refresh=True, cool=Cool(seconds=HALF_HOUR), scope="credential", hides=True
)
DEAD_GRANT = Verdict("invalid_grant", rotate=True, cool=Cool(seconds=HALF_HOUR), scope="credential", hides=True)
VALIDATION = Verdict("validation_required", rotate=True, cool=Cool(seconds=HALF_HOUR), scope="credential", hides=True)
SWITCHED_OFF = Verdict("service_disabled", rotate=True, cool=Cool(seconds=HALF_HOUR), scope="credential", hides=True)
BILLING = Verdict("payment_required", rotate=True, cool=Cool(seconds=HALF_HOUR), scope="credential", hides=True)
FORBIDDEN = Verdict("forbidden", rotate=True, cool=Cool(seconds=HALF_HOUR), again=True, hides=True)
CHALLENGE = Verdict("challenge", rotate=True, cool=Cool(hint=True, backoff=True, floor=10.0), again=True)
EXHAUSTED = Verdict("quota", rotate=True, cool=Cool(seconds=HALF_HOUR), again=True)
QUOTA = Verdict("quota", rotate=True, cool=Cool(hint=True, backoff=True), again=True)
ACCOUNT = Verdict("quota", rotate=True, cool=Cool(hint=True, backoff=True), scope="credential", again=True)
VAGUE = Verdict("quota", rotate=True, cool=Cool(backoff=True, cap=120.0), again=True)
TRANSIENT = Verdict("transient", rotate=True, cool=Cool(hint=True, transient=True), keeps_session=True, again=True)

# --- the table ------------------------------------------------------------------------------------------------------

_FAULTS = ("invalid", "context", "too_large", "unprocessable", "conflict", "upgrade")

TABLE: tuple[Row, ...] = (
    _row(CLIENT, kinds=("cancelled",), why="the client went away"),
    _row(CLIENT, statuses=(499,), why="the client went away"),
    _row(CLIENT, kinds=("cooling", "unavailable"), why="our own refusal says nothing new about a credential"),
    _row(
        POLICY,
        kinds=("policy",),
        why="the account may not be used so: rotating would be getting around it, and the credential is not broken",
    ),
    _row(
        POLICY,
        text=r"only authorized for use with claude code|third-party apps now draw from your extra usage"
        r"|out of extra usage|access_terminated_error|only available for coding agents",
        why="the same, from a reader that does not know the words",
    ),
    _row(
        REQUEST,
        text=r"usage credits are required for fast mode|fast request rejected",
        why="only the fast mode of this request was refused",
    ),
    _row(
        REQUEST,
        kinds=("not_found", "model", "method"),
        operations=("count",),
        why="an upstream without token counting still answers requests",
    ),
    _row(
        COUNTING,
        kinds=(
            "rate_limit",
            "quota",
            "request_timeout",
            "server",
            "unsupported",
            "upstream",
            "truncated",
            "overloaded",
            "timeout",
        ),
        operations=("count",),
        why="token counting has limits and troubles of its own, and an estimate to fall back on",
    ),
    _row(ELSEWHERE, statuses=(404, 405, 501), operations=("compact",), why="not every provider can compact"),
    _row(REQUEST, statuses=(400, 409, 413, 422), operations=("compact",), why="this conversation cannot be compacted"),
    _row(
        SEALED,
        kinds=("invalid", "server", "upstream"),
        text=r"thinking_signature_invalid|invalid_encrypted_content|encrypted content .{0,80}could not be"
        r"|thought.?signature|invalid .?signature.? in .?thinking|thinking.? blocks? .{0,80}cannot be modified"
        r"|expected .?thinking.? or .?redacted_thinking",
        why="signed reasoning that this upstream will not take back: the conversation can go on without it",
    ),
    _row(
        REQUEST,
        kinds=(*_FAULTS, "not_found", "server", "upstream"),
        codes=(
            "context_length_exceeded",
            "context_too_large",
            "invalid_prompt",
            "string_above_max_length",
            "previous_response_not_found",
            "cyber_policy",
            "message_too_big",
            "unsupported_value",
        ),
        why="codes of request faults, whatever the status",
    ),
    _row(REQUEST, kinds=("not_found",), text=r"\bitem\b.*not persisted", why="an item the client refers to is gone"),
    _row(
        CHALLENGE,
        text=r"challenge-platform|cf-mitigated|cloudflare challenge|cloudflare[\s\S]*<html|<html[\s\S]*cloudflare",
        why="a page for browsers stands before the upstream",
    ),
    _row(DEAD_GRANT, kinds=("invalid", "auth"), text=r"invalid_grant", why="the log-in itself has ended"),
    _row(
        DEAD_GRANT,
        kinds=("invalid", "auth", "permission"),
        text=r"does not meet scope requirement|organization has been disabled",
        why="only a new log-in helps, or none at all",
    ),
    _row(
        UNAUTHORIZED,
        kinds=("invalid", "permission"),
        text=r"api_key_invalid|api key not valid|bad-credentials|access token could not be validated",
        why="a bad key that does not come as 401 (Google: 400, xAI: 403)",
    ),
    _row(VALIDATION, kinds=("permission",), text=r"validation_required", why="the account's owner must verify it"),
    _row(
        SWITCHED_OFF,
        kinds=("permission",),
        codes=("SERVICE_DISABLED", "SECURITY_POLICY_VIOLATED", "CONSUMER_SUSPENDED", "no_project", "ineligible"),
        why="Google: nothing works in this project until its owner changes it; another project may",
    ),
    _row(
        NOT_OFFERED,
        kinds=("invalid", "unprocessable", "permission", "model"),
        text=r"model_not_supported|(requested )?model is (not supported|unsupported|unavailable)|model not supported"
        r"|unsupported model|model unavailable|not available for your (plan|account)",
        why="this account does not have the model; another may",
    ),
    _row(MISSING, kinds=("model", "not_found"), why="often a passing fault of one host: the first is forgiven"),
    _row(REQUEST, kinds=_FAULTS, why="the same request would fail with any credential"),
    _row(ELSEWHERE, kinds=("method", "unsupported"), why="another provider may have the operation"),
    _row(UNAUTHORIZED, kinds=("auth",), why="an expired token is refreshed first; a dead key rests"),
    _row(BILLING, kinds=("billing",), why="no money on the account"),
    _row(
        ACCOUNT,
        kinds=("quota", "rate_limit"),
        codes=("account_limit",),
        why="a window that all models of the account share",
    ),
    _row(
        BILLING,
        kinds=("quota", "rate_limit", "permission"),
        codes=("insufficient_quota", "usage_not_included"),
        why="429, but it is the bill and not the pace",
    ),
    _row(FORBIDDEN, kinds=("permission",), why="not allowed for this account or model"),
    _row(EXHAUSTED, kinds=("quota", "rate_limit"), text=r"\blimit: 0\b", why="the account has none of this model"),
    _row(
        TRANSIENT,
        kinds=("quota", "rate_limit"),
        text=r"model_capacity_(exhausted|exceeded)|engine is currently overloaded",
        why="the model is busy, not the account",
    ),
    _row(
        VAGUE,
        kinds=("quota", "rate_limit"),
        text=r"resource has been exhausted \(e\.g\. check quota\)",
        hinted=False,
        why="Google's bare 429 may be capacity: never hours",
    ),
    _row(QUOTA, kinds=("quota", "rate_limit"), why="the upstream's own delay, else doubling"),
    _row(
        TRANSIENT,
        kinds=("request_timeout", "server", "upstream", "truncated", "overloaded", "timeout"),
        why="the next minute is likely to be better",
    ),
)
"""First row that fits wins. A failure that fits none is taken for a passing one (TRANSIENT)."""


_READ = 4096  # characters of a message that are looked at: it may be a whole page


def classify(failure: Failure, operation: str = "generate", refreshable: bool = False) -> Verdict:
    """The verdict on a failure of one attempt.

    operation: generate, stream, count, compact. refreshable: the credential has a token that can be renewed and was
    not renewed for this request yet.
    """
    if failure.origin == "client":
        return CLIENT
    kind = failure.kind if failure.kind in KINDS or failure.kind == "cancelled" else kind_of_status(failure.status)
    status = failure.status or (KINDS[kind].status if kind in KINDS else 0)
    said = f"{failure.code} {failure.type} {failure.message[:_READ]}"
    verdict = next((row.verdict for row in TABLE if _fits(row, kind, status, said, failure, operation)), TRANSIENT)
    return replace(verdict, refresh=False) if verdict.refresh and not refreshable else verdict


def _fits(row: Row, kind: str, status: int, said: str, failure: Failure, operation: str) -> bool:
    return (
        (not row.kinds or kind in row.kinds)
        and (not row.statuses or status in row.statuses)
        and (not row.operations or operation in row.operations)
        and (not row.codes or failure.code in row.codes or failure.type in row.codes)
        and (row.hinted is None or row.hinted == (failure.retry_after is not None))
        and (row.text is None or row.text.search(said) is not None)
    )


def cooldown(cool: Cool, hint: float | None, level: int, transient: float) -> float:
    """Seconds of rest; 0 for none.

    hint: the upstream's delay. level: failures in a row before this one. transient: the configured time, ≤ 0 none.
    """
    if level + 1 < cool.after:
        return 0.0
    if cool.hint and hint is not None and hint > 0:
        seconds = hint
    elif cool.seconds:
        seconds = cool.seconds
    elif cool.transient:
        seconds = max(transient, 0.0)
    elif cool.backoff:
        seconds = 2.0 ** min(level, 30)
    else:
        seconds = 0.0
    return min(max(seconds, cool.floor), cool.cap) if seconds or cool.floor else 0.0
