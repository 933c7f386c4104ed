"""A credential fails before the client has heard anything: the next one answers, and the client notices nothing."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.end_to_end.scenery import CLIENTS, MODELS, UPSTREAMS, ask, ended_well, error_of, payloads, provider, text_in
from tests.proxy import proxy
from tests.upstreams import Answer, FakeUpstream, Play, Usage

GOOD = Answer("All is well.", usage=Usage(10, 0, 0, 4, 0))
SCENES: dict[str, Play | str] = {
    "status-401": Play(status=401),
    "status-403": Play(status=403, message="account suspended"),
    "status-429": Play(status=429),
    "status-429-hinted": Play(status=429, retry_after="600"),
    "status-500": Play(status=500),
    "status-529": Play(status=529),
    "refused": "refusing",
    "accepted-and-closed": "closing",
    "closed-before-headers": Play(GOOD, cut_at=-1),
    "reset-before-headers": Play(GOOD, cut_at=-1, cut="reset"),
    "error-as-first-event": Play(GOOD, error_at=0),
    "silent-before-headers": Play(GOOD, hold_at=-1),
    "silent-before-first-event": Play(GOOD, hold_at=0),
    "html-200": Play(raw=b"<html><body>Sign in</body></html>", content_type="text/html"),
    "empty-200": Play(raw=b"", content_type="text/event-stream"),
    "garbage-200": Play(raw=b"\x00\x01 not a stream at all\n\n", content_type="text/event-stream"),
}
PARKED = ("parked-429", "parked-hinted")
HANDSHAKES = {"claude": 2, "openai-responses": 2}
"""Dialects whose streams begin with events that say nothing yet: an error after those is still the first word."""


def key(scene: str, kind: str, place: int) -> str:
    """The key at a place (0 is asked first) of a scene."""
    return f"sk-{scene}-{kind}-{place}"


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as server:
        for kind in UPSTREAMS:
            for scene, play in SCENES.items():
                if isinstance(play, Play):
                    server.always(key(scene, kind, 0), play)
                server.always(key(scene, kind, 1), GOOD)
            for place in (0, 1):
                server.always(key("parked-429", kind, place), Play(status=429))
                server.always(key("parked-hinted", kind, place), Play(status=429, retry_after="40"))
                server.always(key("invalid", kind, place), Play(status=400, message="that is not possible"))
            if kind in HANDSHAKES:
                server.always(key("error-after-handshake", kind, 0), Play(GOOD, error_at=HANDSHAKES[kind]))
                server.always(key("error-after-handshake", kind, 1), GOOD)
        yield server


@pytest.fixture(scope="module")
def client(upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    config: dict[str, Any] = {"request-retry": 0, "engine": {"first-byte-timeout-seconds": 0.4}}
    places = {"refusing": upstream.refusing(), "closing": upstream.closing()}
    for kind in UPSTREAMS:
        for scene in [*SCENES, *PARKED, "invalid", "error-after-handshake"]:
            models = [(MODELS[kind], f"{scene}-{kind}")]
            play = SCENES.get(scene)
            first = f"http://127.0.0.1:{places[play]}" if isinstance(play, str) else upstream.url
            provider(config, kind, key(scene, kind, 0), first, models, priority=5)
            provider(config, kind, key(scene, kind, 1), upstream.url, models)
    with (
        proxy(config, tmp_path_factory.mktemp("failover")) as running,
        httpx.Client(base_url=running.url, timeout=20) as plain,
    ):
        yield plain


@pytest.fixture(autouse=True)
def fresh(upstream: FakeUpstream) -> Iterator[None]:
    upstream.reset()
    yield
    upstream.check()


@pytest.mark.parametrize("kind", UPSTREAMS)
@pytest.mark.parametrize("scene", SCENES)
def test_the_next_credential_answers(client: httpx.Client, upstream: FakeUpstream, scene: str, kind: str) -> None:
    dialect = CLIENTS[(list(SCENES).index(scene) + UPSTREAMS.index(kind)) % 4]
    answer = ask(client, dialect, f"{scene}-{kind}", stream=True)
    assert answer.status_code == 200, answer.text
    assert text_in(dialect, payloads(answer.content)) == "All is well."
    assert ended_well(dialect, answer.content)
    assert len(upstream.asked(key=key(scene, kind, 1))) == 1
    first = upstream.asked(key=key(scene, kind, 0))
    assert len({seen.connection for seen in first}) == len(first)
    if "before-headers" in scene and "silent" not in scene:
        assert 1 <= len(first) <= 2  # a connection used before may have been stale: once more over a new one
    else:
        assert len(first) == (not isinstance(SCENES[scene], str))
    if "silent" in scene:
        assert upstream.asked(key=key(scene, kind, 0))[0].cancelled.wait(1)


@pytest.mark.parametrize("kind", HANDSHAKES)
def test_an_error_after_the_handshake_is_still_unseen(client: httpx.Client, upstream: FakeUpstream, kind: str) -> None:
    answer = ask(client, "openai-chat", f"error-after-handshake-{kind}", stream=True)
    assert answer.status_code == 200, answer.text
    assert text_in("openai-chat", payloads(answer.content)) == "All is well."
    assert len(upstream.seen) == 2


@pytest.mark.parametrize("dialect", CLIENTS)
@pytest.mark.parametrize("scene", PARKED)
def test_all_parked_is_one_429_without_a_call(
    client: httpx.Client, upstream: FakeUpstream, scene: str, dialect: str
) -> None:
    kind = dialect
    first = ask(client, dialect, f"{scene}-{kind}")
    assert first.status_code == 429, first.text
    assert len(upstream.seen) == 2
    again = ask(client, dialect, f"{scene}-{kind}", stream=True)
    assert again.status_code == 429
    assert len(upstream.seen) == 2
    assert error_of(dialect, again.json())
    assert 0 < int(again.headers["retry-after"]) <= (40 if scene == "parked-hinted" else 1800)


@pytest.mark.parametrize("dialect", CLIENTS)
def test_a_bad_request_is_nobody_elses_business(client: httpx.Client, upstream: FakeUpstream, dialect: str) -> None:
    for stream in (True, False):
        answer = ask(client, dialect, f"invalid-{dialect}", stream)
        assert answer.status_code == 400
        assert "that is not possible" in error_of(dialect, answer.json())
    assert [seen.key for seen in upstream.seen] == [key("invalid", dialect, 0)] * 2
