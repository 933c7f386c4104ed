"""An auth directory beside a real mitmdump: its log-in answers, and a file replaced while it runs is taken up."""

import json
import time
from pathlib import Path
from typing import Any

import httpx

from tests.end_to_end.scenery import MODELS, request
from tests.proxy import Proxy, proxy
from tests.upstreams import Answer, FakeUpstream

WITHIN = 20.0
"""Seconds for a change to be noticed; usually half a second."""
OLD, NEW, OTHER = "sk-ant-oat-the-old-token", "sk-ant-oat-the-new-token", "sk-ant-oat-another-account"


def put(folder: Path, name: str, url: str, token: str, **more: Any) -> None:
    """As programs write such a file: beside it, then in its place."""
    folder.mkdir(exist_ok=True, mode=0o700, parents=True)
    body = {"type": "claude", "access_token": token, "refresh_token": f"rt-{token}", "email": f"{name}@example.com"}
    beside = folder / f"{name}.tmp"
    beside.write_text(json.dumps(body | {"expired": "2199-01-01T00:00:00Z", "base_url": url} | more))
    beside.chmod(0o600)
    beside.replace(folder / f"{name}.json")


def asked(running: Proxy, upstream: FakeUpstream, model: str) -> str | None:
    """The token that the upstream sees in one request."""
    upstream.reset()
    answer = httpx.request(**request("claude", model, stream=False) | {"url": f"{running.url}/v1/messages"}, timeout=20)
    assert answer.status_code == 200, answer.text
    if model == "mine":
        assert (answer.json()["model"], upstream.seen[-1].asked.model) == ("mine", "claude-sonnet-4-5-20250929")
    assert upstream.seen[-1].asked.headers["anthropic-beta"] == "oauth-2025-04-20"
    return upstream.seen[-1].key


def becomes(running: Proxy, upstream: FakeUpstream, model: str, wanted: set[str | None]) -> None:
    """Ask until each of the wanted tokens was seen, and in the end no other."""
    deadline, found = time.monotonic() + WITHIN, list[str | None]()
    while time.monotonic() < deadline and set(found[-2:]) != wanted:
        found.append(asked(running, upstream, model))
    assert set(found[-2:]) == wanted, f"{found[-9:]}\n{running.log}"


def test_files_come_change_and_go(tmp_path: Path) -> None:
    auth, model = tmp_path / "auth", MODELS["claude"]
    with FakeUpstream({OLD, NEW, OTHER}) as upstream:
        for token in (OLD, NEW, OTHER):
            upstream.always(token, Answer("All is well."))
        put(auth, "ana", upstream.url, OLD)
        config = {
            "oauth-model-alias": {"claude": [{"name": model, "alias": "mine", "fork": True, "force-mapping": True}]}
        }
        with proxy(config, tmp_path, record=True) as running:
            assert "claude, from" in running.log
            assert asked(running, upstream, model) == OLD
            assert asked(running, upstream, "mine") == OLD
            put(auth, "ana", upstream.url, NEW)
            becomes(running, upstream, model, {NEW})
            put(auth, "bo", upstream.url, OTHER)
            becomes(running, upstream, model, {NEW, OTHER})
            (auth / "ana.json").unlink()
            becomes(running, upstream, model, {OTHER})
            log = running.log
        kept = running.flows.read_bytes()
        assert "accounts taken up: ana.json" in log
        for token in (OLD, NEW, OTHER):
            assert token not in log
            assert token.encode() not in kept
