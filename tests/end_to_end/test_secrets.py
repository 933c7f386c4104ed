"""With a canary in every place a secret can stand, what is written down afterwards holds none of them."""

import itertools
from pathlib import Path
from typing import Any

import httpx
from mitmproxy.http import HTTPFlow
from mitmproxy.io import FlowReader

from tests.end_to_end.scenery import CLIENTS, MODELS, UPSTREAMS, ask, provider, request
from tests.proxy import proxy
from tests.upstreams import Answer, FakeUpstream, Play

CLIENT_KEY = "canary-of-the-client-7f3a"
PLAYS = [
    Play(Answer("fine", "thought")),
    Play(status=500),
    Play(Answer("cut short"), cut_at=4),
    Play(Answer("x"), cut_at=-1),
]


def test_no_secret_is_written_down(tmp_path: Path) -> None:
    canaries = [CLIENT_KEY, *(f"canary-{kind}-91bc" for kind in UPSTREAMS), "canary-header-55d0"]
    config: dict[str, Any] = {"api-keys": [CLIENT_KEY], "request-retry": 0, "disable-cooling": True, "debug": True}
    with FakeUpstream() as upstream:
        for kind in UPSTREAMS:
            models = [(MODELS[kind], f"kept-{kind}")]
            extra = {"x-own-token": "canary-header-55d0"}
            provider(config, kind, f"canary-{kind}-91bc", upstream.url, models, headers=extra)
        with (
            proxy(config, tmp_path / "proxy", record=True) as running,
            httpx.Client(base_url=running.url, timeout=20) as plain,
        ):
            _talk(plain, upstream)
    assert {seen.key for seen in upstream.seen} == {f"canary-{kind}-91bc" for kind in UPSTREAMS}
    assert all(seen.asked.headers.get("x-own-token") == "canary-header-55d0" for seen in upstream.seen)
    with running.flows.open("rb") as stored:
        flows = [flow for flow in FlowReader(stored).stream() if isinstance(flow, HTTPFlow)]
    assert len(flows) >= len(upstream.seen)
    for path in (running.flows, running.home / "log"):
        raw = path.read_bytes()
        assert [canary for canary in canaries if canary.encode() in raw] == [], path.name


def _talk(plain: httpx.Client, upstream: FakeUpstream) -> None:
    """Good and broken exchanges, with the key in every place, and requests that are refused."""
    places: list[dict[str, Any]] = [
        {"headers": {"authorization": f"Bearer {CLIENT_KEY}"}},
        {"headers": {"x-api-key": CLIENT_KEY}},
        {"headers": {"x-goog-api-key": CLIENT_KEY}},
        {"params": {"key": CLIENT_KEY}},
        {"params": {"auth_token": CLIENT_KEY}},
    ]
    for kind, play, (dialect, place) in zip(
        itertools.cycle(UPSTREAMS), PLAYS * 5, itertools.cycle(itertools.product(CLIENTS, places)), strict=False
    ):
        upstream.play(f"canary-{kind}-91bc", play)
        asked = request(dialect, f"kept-{kind}", stream=True)
        plain.request(**asked | {"headers": asked["headers"] | place.get("headers", {})}, params=place.get("params"))
    for kind in UPSTREAMS:  # every kind of upstream in every manner, too
        for play in PLAYS:
            upstream.play(f"canary-{kind}-91bc", play)
            ask(plain, "openai-chat", f"kept-{kind}", stream=False, headers={"authorization": f"Bearer {CLIENT_KEY}"})
    for path in ("/v1/messages", "/nowhere", "/v1beta/models/x:generateContent"):
        plain.post(path, params={"key": CLIENT_KEY}, content=b"{not json", headers={"host": "evil.example"})
        plain.post(path, params={"key": CLIENT_KEY}, content=b"{not json")
