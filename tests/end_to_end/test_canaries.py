"""Canaries in every header, query, body, file and error: whatever a person can open or save holds none of them.

mitmweb runs with everything on that writes; what it shows is read while an upstream stalls, and again when all is over.
"""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from addons.views import VIEWS
from tests.end_to_end.scenery import CLIENTS, MODELS, UPSTREAMS, provider, request
from tests.end_to_end.test_accounts import put
from tests.proxy import Proxy, free_port, proxy
from tests.upstreams import Answer, FakeUpstream, Gate, Play

CLIENT = "canary-of-the-client-7f3a91bc"
KEYS = {kind: f"canary-{kind}-91bc7722" for kind in UPSTREAMS}
CONFIGURED = "canary-configured-55d0"
ACCESS = "canary-access-token-0a1b2c"
SHAPED = "sk-proj-CanaryInABody0123456789"
NAMED = ("canary-in-a-header-4411", "canary-in-a-cookie-4412", "canary-in-a-query-4413")
CANARIES = (CLIENT, *KEYS.values(), CONFIGURED, ACCESS, f"rt-{ACCESS}", SHAPED, *NAMED)
TEXT = f"my .env: {SHAPED} and config.yaml: {CLIENT} {' '.join(KEYS.values())} {ACCESS}"
PASSWORD = "only-for-this-test"
FORMATS = ("curl", "httpie", "raw", "raw_request", "raw_response")
ACCOUNT = "claude-opus-4-5-20251101"


class Inspector:
    """mitmweb, as a person's browser talks to it."""

    def __init__(self, port: int) -> None:
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
        self.http.headers.update({"authorization": f"Bearer {PASSWORD}", "x-xsrftoken": "0" * 32})
        self.http.cookies.set("_mitmproxy_xsrf", "0" * 32)

    def flows(self) -> list[dict[str, Any]]:
        found = self.http.get("/flows")
        assert found.status_code == 200, found.text
        return list(found.json())

    def run(self, command: str, *arguments: str) -> None:
        said = self.http.post(f"/commands/{command}", json={"arguments": arguments}).json()
        assert "error" not in said or "response" in said["error"], (command, arguments, said)

    def pages(self, flows: list[dict[str, Any]], views: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
        """Everything there is to read, by its address."""
        paths = ["/flows", "/events", "/state", "/options", "/commands", "/flows/dump"]
        for flow in flows:
            for message in ("request", "response"):
                if flow.get(message, {}).get("contentLength") is None:
                    continue  # mitmweb fails for an answer that is still on its way
                paths.append(f"/flows/{flow['id']}/{message}/content.data")
                paths += [f"/flows/{flow['id']}/{message}/content/{view}.json" for view in views]
        for path in paths:
            yield path, self.http.get(path).content


class Scenery:
    """A proxy under mitmweb with an upstream of each kind, and an account."""

    def __init__(self, running: Proxy, upstream: FakeUpstream, inspector: Inspector) -> None:
        self.running, self.upstream, self.inspector = running, upstream, inspector
        self.plain = httpx.Client(base_url=running.url, timeout=30)

    def ask(self, dialect: str, model: str, *, stream: bool, **other: Any) -> httpx.Response:
        asked = request(dialect, model, stream, TEXT)
        asked["headers"] |= {"authorization": f"Bearer {CLIENT}", "x-my-api-key": NAMED[0], "cookie": f"a={NAMED[1]}"}
        asked["url"] += f"{'&' if '?' in asked['url'] else '?'}my_token={NAMED[2]}"
        with httpx.Client(base_url=self.running.url, timeout=30) as plain:
            return plain.request(**asked | other)


@pytest.fixture(scope="module")
def scenery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenery]:
    home, web = tmp_path_factory.mktemp("canaries"), free_port()
    config: dict[str, Any] = {"api-keys": [CLIENT], "request-retry": 0, "disable-cooling": True, "debug": True}
    config |= {"request-log": True, "logging-to-file": True}
    args = ("--set", f"web_port={web}", "--set", "web_open_browser=false", "--set", f"web_password={PASSWORD}")
    with FakeUpstream() as upstream:
        for kind, key in KEYS.items():
            provider(
                config, kind, key, upstream.url, [(MODELS[kind], f"m-{kind}")], headers={"x-own-token": CONFIGURED}
            )
        put(home / "auth", "ana", upstream.url, ACCESS)
        with proxy(config, home, args=args, record=True, program="mitmweb") as running:
            made = Scenery(running, upstream, Inspector(web))
            with made.plain, made.inspector.http:
                yield made


def models() -> list[tuple[str, str]]:
    """What is asked for, and the secret that the upstream then sees."""
    return [*((f"m-{kind}", key) for kind, key in KEYS.items()), (ACCOUNT, ACCESS)]


def found_in(content: bytes) -> list[str]:
    return [canary for canary in CANARIES if canary.encode() in content]


def test_an_upstream_that_repeats_our_key_reaches_nobody(scenery: Scenery) -> None:
    for number, (model, secret) in enumerate(models()):
        said = f"Incorrect API key provided: {secret}. Sent with {CONFIGURED}."
        plays = (
            Play(status=401, message=said),
            Play(status=500, message=said, kind=secret),
            Play(status=400, raw=json.dumps({"detail": said}).encode(), headers={"x-request-id": secret}),
            Play(status=403, raw=f"<html>{said}</html>".encode(), content_type="text/html"),
            Play(Answer("well"), error_at=0, message=said),
            Play(Answer("well, well, well"), error_at=4, message=said),
        )
        for play in plays:
            for stream in (True, False):
                scenery.upstream.play(secret, play)
                answer = scenery.ask(CLIENTS[number % 4], model, stream=stream)
                whole = answer.content + repr(answer.headers).encode()
                assert found_in(whole) == [], whole
                assert answer.status_code != 200 or b"rror" in whole or b"ERROR" in whole


def test_what_is_meant_arrives_word_for_word(scenery: Scenery) -> None:
    for number, (model, secret) in enumerate(models()):
        for dialect in (CLIENTS[number % 4], CLIENTS[(number + 1) % 4]):
            for stream in (True, False):
                scenery.upstream.reset()
                scenery.upstream.play(secret, Answer(f"Put this into your file: {SHAPED}", pieces=1))
                answer = scenery.ask(dialect, model, stream=stream)
                assert answer.status_code == 200, answer.text
                assert SHAPED in answer.text
                assert TEXT in scenery.upstream.seen[-1].raw.decode()
                assert scenery.upstream.seen[-1].key == secret


def test_nothing_is_seen_while_it_is_under_way(scenery: Scenery) -> None:
    gates = []
    threads = []
    for model, secret in models():
        for hold_at in (-1, 3) if model.startswith("m-") else (3,):
            gate = Gate()
            gates.append(gate)
            scenery.upstream.play(secret, Play(Answer(f"{SHAPED} and more {secret}"), hold_at=hold_at, gate=gate))
            asked = {"dialect": "claude", "model": model, "stream": True}
            threads.append(threading.Thread(target=scenery.ask, kwargs=asked))
            threads[-1].start()
    try:
        live = under_way(scenery, len(threads))
        for path, content in scenery.inspector.pages(live, views_of(scenery.inspector)):
            assert found_in(content) == [], path
    finally:
        for gate in gates:
            gate.open()
        for thread in threads:
            thread.join(20)


def under_way(scenery: Scenery, number: int) -> list[dict[str, Any]]:
    """The flows without an end, as soon as there are so many of them."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        live = [
            flow
            for flow in scenery.inspector.flows()
            if not flow.get("error") and not flow.get("response", {}).get("timestamp_end")
        ]
        if len(live) == number:
            return live
    raise AssertionError(f"{len(live)} flows are under way")


def views_of(inspector: Inspector) -> tuple[str, ...]:
    """Our content views' names, as addresses have them."""
    known = inspector.http.get("/state").json()["contentViews"]
    ours = tuple(view.name for view in VIEWS)
    assert {name.lower() for name in ours} <= {name.lower() for name in known}
    return ("auto", *ours)


def test_nothing_is_left_when_it_is_over(scenery: Scenery, tmp_path: Path) -> None:
    for path in ("/v1/messages", "/nowhere", "/v1beta/models/x:generateContent"):
        for headers in ({"host": "evil.example"}, {"authorization": f"Bearer {KEYS['claude']}"}, {}):
            scenery.plain.post(path, params={"key": CLIENT}, content=f"{{not json {CLIENT}".encode(), headers=headers)
    scenery.plain.post("/v1/messages", content=b'{"model": "%s"}' % KEYS["gemini"].encode(), params={"key": CLIENT})
    scenery.plain.get(f"/{CLIENT}")
    inspector = scenery.inspector
    flows = inspector.flows()
    assert len(flows) > 80
    some = flows[:: len(flows) // 12]
    for path, content in inspector.pages(some, views_of(inspector)):
        assert found_in(content) == [], path
    inspector.run("save.har", "@all", str(tmp_path / "all.har"))
    inspector.run("save.file", "@all", str(tmp_path / "all.mitm"))
    for flow in some:
        for form in FORMATS:
            inspector.run("export.file", form, f"@{flow['id']}", str(tmp_path / f"{flow['id']}.{form}"))
    home = scenery.running.home
    written = [path for path in (*tmp_path.rglob("*"), *home.rglob("*")) if path.is_file()]
    written = [path for path in written if path != home / "config.yaml" and path.parent != home / "auth"]
    assert {"all.har", "all.mitm", "flows.mitm", "log"} <= {path.name for path in written}
    logs = {path.name for path in written if path.parent == home / "logs"}
    assert "main.log" in logs
    assert sum(name.startswith("v1-messages-") for name in logs) > 20
    assert sum(path.suffix == ".curl" for path in written) > 10
    for path in written:
        assert found_in(path.read_bytes()) == [], path
