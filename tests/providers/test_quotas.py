"""Limits in the headers of answers, each vendor's in its own words."""

import pytest

from providers.quotas import Window, read_windows
from providers.spans import read_span

NOW = 1_795_300_000.0
CLAUDE = {
    "anthropic-ratelimit-unified-status": "allowed",
    "anthropic-ratelimit-unified-5h-utilization": "0.42",
    "anthropic-ratelimit-unified-5h-reset": "1795310000",
    "anthropic-ratelimit-unified-7d-status": "rejected",
    "anthropic-ratelimit-unified-7d-reset": "1795900000",
}
CODEX = {
    "x-codex-primary-used-percent": "12.5",
    "x-codex-primary-window-minutes": "300",
    "x-codex-primary-reset-at": "1795303600",
    "x-codex-secondary-used-percent": "100",
    "x-codex-secondary-window-minutes": "10080",
    "x-codex-secondary-reset-after-seconds": "3600",
}
ANTHROPIC_KEY = {
    "anthropic-ratelimit-requests-limit": "1000",
    "anthropic-ratelimit-requests-remaining": "750",
    "anthropic-ratelimit-requests-reset": "2026-11-22T00:00:00Z",
}
OPENAI_KEY = {
    "x-ratelimit-limit-tokens": "30000",
    "x-ratelimit-remaining-tokens": "15000",
    "x-ratelimit-reset-tokens": "6m0s",
}


@pytest.mark.parametrize(
    ("headers", "windows"),
    [
        (CLAUDE, [Window("5 h", 0.42, 1795310000.0), Window("7 d", 1.0, 1795900000.0)]),
        (CODEX, [Window("5 h", 0.125, 1795303600.0), Window("7 d", 1.0, NOW + 3600)]),
        (ANTHROPIC_KEY, [Window("requests", 0.25, 1795305600.0)]),
        (OPENAI_KEY, [Window("tokens", 0.5, NOW + 360)]),
        (CODEX | OPENAI_KEY, [Window("5 h", 0.125, 1795303600.0), Window("7 d", 1.0, NOW + 3600)]),
        ({"content-type": "text/html"}, []),
        ({"x-codex-primary-used-percent": "much", "x-ratelimit-limit-tokens": "0"}, []),
        ({"x-codex-primary-used-percent": "3", "x-codex-primary-reset-at": "soon"}, [Window("primary", 0.03, 0.0)]),
    ],
)
def test_windows(headers, windows):
    assert list(read_windows(headers, NOW)) == windows


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2d", 172800), ("250ms", 0.25), ("45", 45), ("6m0s", 360)],
)
def test_spans(text, seconds):
    assert read_span(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5", "1h x", "h", "nan", "1e99"])
def test_no_spans(text):
    assert read_span(text) is None
