"""What answers tell of an account's limits: how much of each window is used, and when it begins anew.

They come in the headers of every answer, good or bad, in a form of each vendor's own. Headers are taken with names in
lower case; times are unix seconds. What cannot be read is left out.

Sources: Anthropic's and OpenAI's pages on rate limits; openai/codex, its reader of these headers; read November 2026.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from providers.spans import read_number, read_span


class Window(NamedTuple):
    """A limit. name: as people call it (`5 h`, `7 d`, `requests`). used: 0.0 to 1.0, or beyond; reset: when it begins
    anew, 0 unknown.
    """

    name: str
    used: float
    reset: float


def read_windows(headers: Mapping[str, str], now: float) -> tuple[Window, ...]:
    """Every window that the headers tell of, () if none. The narrow ones (5 hours) stand before the wide ones."""
    found = [*_claude(headers), *_codex(headers, now)]
    return tuple(found or [*_anthropic_keys(headers), *_openai_keys(headers, now)])


def _claude(headers: Mapping[str, str]) -> Iterable[Window]:
    """Windows of a Claude subscription. `7d_oi` is the one of the largest models alone."""
    for mark, name in (("5h", "5 h"), ("7d", "7 d"), ("7d_oi", "7 d big")):
        head = f"anthropic-ratelimit-unified-{mark}"
        used = read_number(headers.get(f"{head}-utilization", ""))
        if used is None and headers.get(f"{head}-status") == "rejected":
            used = 1.0
        if used is not None:
            yield Window(name, used, read_number(headers.get(f"{head}-reset", "")) or 0.0)


def _codex(headers: Mapping[str, str], now: float) -> Iterable[Window]:
    """Windows of a ChatGPT subscription, which say how long they are."""
    for which in ("primary", "secondary"):
        head = f"x-codex-{which}"
        used = read_number(headers.get(f"{head}-used-percent", ""))
        if used is None:
            continue
        minutes = read_number(headers.get(f"{head}-window-minutes", ""))
        at = read_number(headers.get(f"{head}-reset-at", ""))
        after = read_number(headers.get(f"{head}-reset-after-seconds", ""))
        yield Window(_length(minutes) or which, used / 100, at or (now + after if after is not None else 0.0))


def _anthropic_keys(headers: Mapping[str, str]) -> Iterable[Window]:
    for kind in ("requests", "tokens", "input-tokens", "output-tokens"):
        head = f"anthropic-ratelimit-{kind}"
        used = _share(headers, f"{head}-limit", f"{head}-remaining")
        if used is not None:
            yield Window(kind.replace("-", " "), used, _date(headers.get(f"{head}-reset", "")))


def _openai_keys(headers: Mapping[str, str], now: float) -> Iterable[Window]:
    """OpenAI's form, which many compatible hosts have taken over; resets are spans such as `6m0s`."""
    for kind in ("requests", "tokens"):
        used = _share(headers, f"x-ratelimit-limit-{kind}", f"x-ratelimit-remaining-{kind}")
        if used is not None:
            after = read_span(headers.get(f"x-ratelimit-reset-{kind}", ""))
            yield Window(kind, used, now + after if after is not None else 0.0)


def _share(headers: Mapping[str, str], limit: str, remaining: str) -> float | None:
    whole, left = read_number(headers.get(limit, "")), read_number(headers.get(remaining, ""))
    return None if not whole or left is None else max(0.0, 1 - left / whole)


def _length(minutes: float | None) -> str:
    if not minutes:
        return ""
    if minutes % 1440 == 0:
        return f"{minutes / 1440:.0f} d"
    return f"{minutes / 60:.0f} h" if minutes % 60 == 0 else f"{minutes:.0f} min"


def _date(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0
