"""When a log-in's access token must be renewed: lead times, margins, what a file says itself. Pure.

Times are unix seconds and spans are seconds. Sources: the lifetimes of the vendors' tokens, and the refresh periods of
CLIProxyAPI v6 (February 2026) and v7 (August 2026).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from credentials.account import Account
from credentials.model import Secret
from providers.spans import read_span

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

LEADS: Mapping[str, float] = MappingProxyType(
    {
        "claude": 4 * HOUR,
        "codex": 5 * DAY,
        "antigravity": 5 * MINUTE,
        "qwen": 3 * HOUR,
        "iflow": 24 * HOUR,
        "kimi": 5 * MINUTE,
        "xai": 5 * MINUTE,
    }
)
"""Provider key → how long before its end a token is renewed ahead. Who is missing is renewed before a request only."""

COOKIE_LEAD = 48 * HOUR
"""The same for the key that an iFlow cookie opens."""

MARGINS: Mapping[str, float] = MappingProxyType({"gemini-cli": 60.0, "antigravity": 3000.0, "vertex": 60.0})
"""Provider key → how long a token must still live to be used for a request."""

MARGIN = 10.0
"""The same for all others: a request takes a moment to arrive."""

SHORTEST_INTERVAL = MINUTE
"""A file's own `refresh_interval` is never taken for less."""

UNWRITTEN = frozenset({"vertex"})
"""Providers whose tokens stay in memory: the file holds the key they are made of."""

_INTERVALS = ("refresh_interval_seconds", "refresh-interval-seconds", "refresh_interval", "refresh-interval")


def secret_of(account: Account) -> Secret:
    """What opens the door: the access token, or the key that the log-in has fetched (iFlow)."""
    key = Secret(account.text("api_key", "api-key"))
    return key if account.provider == "iflow" and key else account.access or key


def renewable(account: Account) -> bool:
    """There is something to renew it with: a refresh token, a cookie, a service account's key."""
    if account.body.get("is_setup_token") or account.body.get("setup_token"):
        return False
    return bool(account.refresh or account.text("cookie")) or isinstance(account.body.get("service_account"), Mapping)


def expires_of(account: Account) -> float:
    """When the access token ends; 0 if the file does not say."""
    if account.expires:
        return account.expires
    made, span = account.body.get("timestamp"), account.body.get("expires_in")  # Antigravity: milliseconds, seconds
    if isinstance(made, int | float) and isinstance(span, int | float) and made > 0 < span:
        return made / 1000 + span
    return 0.0


def expired(account: Account, now: float) -> bool:
    """There is no token, or it has ended."""
    end = expires_of(account)
    return not secret_of(account) or 0 < end <= now


def stale(provider: str, secret: Secret, end: float, now: float) -> bool:
    """A token that must be renewed before a request may use it. end: 0 unknown."""
    return not secret or 0 < end <= now + MARGINS.get(provider, MARGIN)


def due(account: Account, now: float) -> bool:
    """It should be renewed now, whether or not anybody asks."""
    if account.body.get("disabled") is True or not renewable(account) or account.provider in UNWRITTEN:
        return False
    end = expires_of(account)
    interval = interval_of(account.body)
    if interval:
        return 0 < end <= now or now - account.refreshed >= interval
    lead = LEADS.get(account.provider)
    if lead is None:
        return False
    if account.provider == "iflow" and not account.refresh:
        lead = COOKIE_LEAD
    if not end:
        return now - account.refreshed >= lead
    if 0 < account.refreshed < end:  # tokens that live shorter than expected must not be renewed all the time
        lead = min(lead, (end - account.refreshed) / 2)
    return end - now <= lead


def interval_of(body: Mapping[str, Any]) -> float:
    """`refresh_interval` of a file: a number of seconds, or a span such as `90m` or `1h30m`; 0 for none."""
    for name in _INTERVALS:
        seconds = _span(body.get(name))
        if seconds > 0:
            return max(seconds, SHORTEST_INTERVAL)
    return 0.0


def _span(value: Any) -> float:
    if isinstance(value, str):
        value = read_span(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 < value < 1e10 else 0.0
