"""One real request with one account, against a real server: what it says when all is well, and when it is not."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from addons.config.load import parse
from addons.config.model import Config
from addons.overview import settings_on_disk
from addons.projects import projects_of
from addons.refresh import Refresh
from addons.settings import Settings
from addons.trial import Found, Trial
from tests.upstreams import Answer, FakeUpstream, Play

TOKEN = "sk-ant-oat01-the-token"
LOADED = {"type": "claude", "access_token": TOKEN, "email": "ana@example.com", "expired": "2199-01-01T00:00:00Z"}


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as server:
        yield server
        server.check()


def settings(tmp_path: Path, upstream: FakeUpstream, config: str = "", **more: object) -> Settings:
    folder = tmp_path / "auth"
    folder.mkdir()
    (folder / "a.json").write_text(json.dumps(LOADED | {"base_url": upstream.url} | more))
    return settings_on_disk(_config(config), None, folder, {})


def _config(text: str) -> Config:
    loaded = parse(text.encode(), "config.yaml")
    assert loaded.config is not None
    return loaded.config


async def tried(here: Settings, model: str = "", place: int = 0) -> Found:
    refresh = Refresh(here)
    try:
        return await Trial(refresh, projects_of(here)).run(here.runtime, here.runtime.credentials[place], model)
    finally:
        await refresh.done()


async def test_an_account_that_answers(tmp_path: Path, upstream: FakeUpstream) -> None:
    upstream.always(TOKEN, Answer("ready"))
    found = await tried(settings(tmp_path, upstream))
    assert (found.ok, found.said, found.status, found.failure) == (True, "ready", 200, "")
    assert "haiku" in found.model
    assert all(found.tokens)
    assert str(found).startswith(f"claude:ana@example.com, {found.model}: answers after ")
    (seen,) = upstream.seen
    assert seen.asked.headers["anthropic-beta"] == "oauth-2025-04-20"
    assert seen.body["messages"][0]["content"] in (
        "Reply with the single word: ready",
        [{"type": "text", "text": "Reply with the single word: ready"}],
    )


async def test_a_model_may_be_named(tmp_path: Path, upstream: FakeUpstream) -> None:
    upstream.always(TOKEN, Answer("ready"))
    here = settings(tmp_path, upstream)
    assert (await tried(here, "claude-opus-4-5")).ok
    assert upstream.seen[0].asked.model.startswith("claude-opus-4-5")
    assert "unknown model 'gpt-x'" in (await tried(here, "gpt-x")).failure
    assert len(upstream.seen) == 1


async def test_a_resting_and_a_disabled_account_are_asked_all_the_same(tmp_path: Path, upstream: FakeUpstream) -> None:
    upstream.always(TOKEN, Answer("ready"))
    here = settings(tmp_path, upstream, disabled=True)
    here.runtime.pool.cool("a.json", 1e9, 0.0)
    assert (await tried(here)).ok


@pytest.mark.parametrize(
    ("play", "said"),
    [
        (Play(status=429, message=f"too many for {TOKEN}", kind="rate_limit_error"), "rate_limit: too many for"),
        (Play(status=401, message="invalid bearer token"), "auth: invalid bearer token"),
        (Play(status=529, message="Overloaded"), "overloaded"),
        (Play(status=200, raw=b"<html>a page", content_type="text/html"), "cannot be read"),
        (Play(Answer("half"), cut_at=0), "RemoteProtocolError"),
    ],
)
async def test_what_goes_wrong_is_told(tmp_path: Path, upstream: FakeUpstream, play: Play, said: str) -> None:
    upstream.always(TOKEN, play)
    found = await tried(settings(tmp_path, upstream))
    assert not found.ok
    assert said in found.failure
    assert TOKEN not in str(found)
    assert ": failed" in str(found)


async def test_nobody_at_the_address(tmp_path: Path, upstream: FakeUpstream) -> None:
    found = await tried(settings(tmp_path, upstream, base_url=f"http://127.0.0.1:{upstream.refusing()}"))
    assert "ConnectError" in found.failure


async def test_a_token_that_has_ended_is_renewed_first(tmp_path: Path, upstream: FakeUpstream) -> None:
    nowhere = f"http://127.0.0.1:{upstream.refusing()}"
    config = f"oauth: {{claude: {{urls: {{token: '{nowhere}/token'}}}}}}"
    here = settings(tmp_path, upstream, config, expired="2020-01-01T00:00:00Z", refresh_token="rt-secret")
    found = await tried(here)
    assert "could not be reached" in found.failure or "cannot be reached" in found.failure
    assert upstream.seen == []


async def test_an_account_nobody_can_be_served_with_says_why(tmp_path: Path, upstream: FakeUpstream) -> None:
    here = settings(tmp_path, upstream, excluded_models=["*"])
    assert "no model is left" in (await tried(here)).failure
