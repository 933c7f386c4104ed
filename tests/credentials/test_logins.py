"""Every log-in against a real authorization server: from the first address to the file, and the renewals after it."""

from typing import Any

import pytest

from credentials.account import Tokens, with_tokens, write_time
from credentials.model import Secret
from credentials.oauth import AFTER, LOGINS, REFRESH
from credentials.oauth.flow import Failed, drive
from credentials.oauth.login import Desk
from credentials.oauth.ways import Wishes
from tests.credentials.scene import ACCOUNT_ID, ID_TOKEN, SECRET, SHAPES, START, scene
from tests.upstreams.authorization import Asked, FakeAuthorization, Reply, answer

NOW = write_time(START)


def google(server: FakeAuthorization) -> None:
    """An account that is signed up, with a project."""
    said = {"currentTier": {"id": "standard-tier"}, "cloudaicompanionProject": "my-proj-1"}
    server.routes["/v1internal:loadCodeAssist"] = lambda asked: (
        answer(200, said) if server.bearer(asked) else answer(401, {})
    )


def adorned(provider: str) -> Any:
    return google if provider in ("gemini-cli", "antigravity") else None


KINDS = [(key, kind) for key, way in LOGINS.items() for kind in ("browser", "device") if getattr(way, kind) is not None]


# --- what is written ------------------------------------------------------------------------------------------------

NAMES = {
    "claude": "claude-ana@example.com.json",
    "codex": "codex-5a7c444c-ana@example.com-plus.json",
    "gemini-cli": "gemini-ana@example.com-my-proj-1.json",
    "antigravity": "antigravity-ana@example.com.json",
    "qwen": "qwen-ana.json",
    "iflow": f"iflow-ana@example.com-{START:.0f}.json",
    "xai": "xai-ana@example.com.json",
}

BODIES: dict[str, dict[str, Any]] = {
    "claude": {
        "id_token": "", "type": "claude", "email": "ana@example.com", "last_refresh": NOW,
        "expired": write_time(START + 28800), "account_uuid": "acc-1", "organization_uuid": "org-1",
        "organization_name": "Ana's", "plan": "claude_max", "rate_limit_tier": "default_claude_max_20x",
    },
    "codex": {
        "id_token": ID_TOKEN["codex"], "account_id": ACCOUNT_ID, "email": "ana@example.com", "type": "codex",
        "last_refresh": NOW, "expired": write_time(START + 864000),
    },
    "antigravity": {
        "type": "antigravity", "email": "ana@example.com", "project_id": "my-proj-1", "expires_in": 3599,
        "timestamp": int(START * 1000), "expired": write_time(START + 3599),
    },
    "iflow": {
        "type": "iflow", "email": "ana@example.com", "cookie": "", "token_type": "Bearer", "last_refresh": NOW,
        "expired": write_time(START + 172800),
    },
}  # fmt: skip


@pytest.mark.parametrize("provider", ["claude", "codex", "gemini-cli", "antigravity", "iflow"])
async def test_a_browser_logs_in_and_the_file_is_as_others_write_it(provider: str) -> None:
    async with scene(provider, adorned(provider)) as stage:
        saved = await stage.log_in("browser")
        assert (saved.new, saved.account.name) == (True, NAMES[provider])
        body = stage.store.body(saved.account.name)
        assert body.items() >= BODIES.get(provider, {}).items()
        assert saved.account.access.reveal() in stage.server.access
        assert saved.account.refresh.reveal() in stage.server.given
        assert stage.ended_at[0].startswith(f"200 http://localhost:{stage.port}/")


async def test_geminis_file_keeps_its_tokens_inside() -> None:
    async with scene("gemini-cli", google) as stage:
        saved = await stage.log_in()
        body = stage.store.body(saved.account.name)
        token = body.pop("token")
        assert body == {
            "project_id": "my-proj-1", "email": "ana@example.com", "auto": True, "checked": False, "type": "gemini",
        }  # fmt: skip
        assert set(token) == {
            "access_token", "token_type", "refresh_token", "expiry", "token_uri", "client_id", "client_secret",
            "scopes", "universe_domain",
        }  # fmt: skip
        assert saved.account.expires == START + 3599
        assert saved.account.provider == "gemini-cli"


@pytest.mark.parametrize("provider", ["codex", "qwen", "kimi", "xai"])
@pytest.mark.parametrize("hurried", [0, 2])
async def test_a_device_waits_for_its_person_and_goes_slower_when_told(provider: str, hurried: int) -> None:
    async with scene(provider) as stage:
        stage.server.agrees_after = 3
        stage.server.hurried = 0 if provider == "codex" else hurried
        saved = await stage.log_in("device", Wishes(label="ana"))
        named = NAMES.get(provider, f"kimi-{stage.clock.now * 1000:.0f}.json")
        assert saved.account.name == named
        assert saved.account.access.reveal() in stage.server.access
        assert saved.account.expires == int(stage.clock.now) + SHAPES[provider].lifetime
        assert stage.clock.now > START
        pending = next(iter(stage.server.pending.values()))
        assert pending.user_code in stage.told


async def test_the_files_of_device_log_ins() -> None:
    async with scene("qwen") as stage:
        saved = await stage.log_in(wishes=Wishes(label="ana"))
        assert list(saved.account.body) == [
            "access_token", "refresh_token", "last_refresh", "resource_url", "email", "type", "expired",
        ]  # fmt: skip
        assert (saved.account.body["email"], saved.account.body["resource_url"]) == ("ana", "portal.qwen.ai")
    async with scene("kimi") as stage:
        body = (await stage.log_in()).account.body
        assert body["device_id"] == stage.server.seen[0].headers["x-msh-device-id"]
        assert stage.server.seen[0].headers["x-msh-platform"] == "cliproxy"
        assert (body["type"], body["user_id"], body["token_type"]) == ("kimi", "user-1", "Bearer")
    async with scene("xai") as stage:
        body = (await stage.log_in()).account.body
        assert body["token_endpoint"] == f"{stage.server.url}/token"
        assert (body["auth_kind"], body["sub"], body["base_url"]) == ("oauth", "user-1", "https://api.x.ai/v1")


# --- renewals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", SHAPES)
async def test_a_renewal_gives_a_new_token_and_the_old_refresh_token_is_dead_if_it_rotates(provider: str) -> None:
    async with scene(provider, adorned(provider)) as stage:
        first = (await stage.log_in(wishes=Wishes(label="ana"))).account
        tokens = await drive(REFRESH[provider](first, stage.client, stage.clock()))
        second = with_tokens(first, tokens, stage.clock())
        assert second.access != first.access
        assert second.expires == stage.clock.now + SHAPES[provider].lifetime
        if not SHAPES[provider].rotates:
            assert second.refresh == first.refresh
            return
        assert second.refresh != first.refresh
        with pytest.raises(Failed) as caught:
            await drive(REFRESH[provider](first, stage.client, stage.clock()))
        assert caught.value.dead
        assert caught.value.code in ("invalid_grant", "refresh_token_reused")
        assert f"scripts/login {provider}" in str(caught.value)
        assert first.refresh.reveal() not in str(caught.value)


async def test_iflows_api_key_may_change_with_a_renewal() -> None:
    async with scene("iflow") as stage:
        first = (await stage.log_in()).account
        tokens = await drive(REFRESH["iflow"](first, stage.client, stage.clock()))
        assert "api_key" not in tokens.more
        renewed = with_tokens(first, tokens, stage.clock())
        steps = AFTER["iflow"](renewed, stage.client, stage.clock())
        assert steps is not None
        assert (await drive(steps)).more["api_key"] != first.body["api_key"]


async def test_a_gemini_file_brings_its_own_secret() -> None:
    async with scene("gemini-cli", google) as stage:
        first = (await stage.log_in()).account
        bare = type(stage.client)(stage.client.id, stage.client.urls, missing="set the key", title="Gemini CLI")
        assert (await drive(REFRESH["gemini-cli"](first, bare, stage.clock()))).access
        body = dict(first.body) | {"token": {**first.body["token"], "client_secret": ""}}
        with pytest.raises(Failed, match="set the key"):
            await drive(REFRESH["gemini-cli"](type(first)(first.name, body), bare, stage.clock()))


async def test_logging_in_again_renews_the_file_and_keeps_what_a_person_set() -> None:
    async with scene("codex") as stage:
        name = "codex-ana@example.com.json"
        stage.store.pieces[name] = (
            b'{"type":"codex","email":"ana@example.com","access_token":"old","prefix":"team","x":1,"expires_at":5}'
        )
        saved = await stage.log_in()
        assert (saved.new, saved.account.name, list(stage.store.pieces)) == (False, name, [name])
        body = stage.store.body(name)
        assert (body["prefix"], body["x"], body["account_id"]) == ("team", 1, ACCOUNT_ID)
        assert "expires_at" not in body
        assert saved.account.expires == START + 864000


async def test_another_workspace_of_the_same_person_is_another_account() -> None:
    async with scene("codex") as stage:
        stage.store.pieces["codex-a.json"] = b'{"type":"codex","email":"ana@example.com","account_id":"other"}'
        assert (await stage.log_in()).new
        assert len(stage.store.pieces) == 2


async def test_a_foreign_file_of_the_same_name_is_not_overwritten() -> None:
    async with scene("claude") as stage:
        stage.store.pieces[NAMES["claude"]] = b"half a fi"
        saved = await stage.log_in()
        assert saved.account.name == "claude-ana@example.com-2.json"
        assert stage.store.pieces[NAMES["claude"]] == b"half a fi"


# --- what goes wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("provider", "kind"), KINDS)
async def test_a_person_who_says_no_is_understood(provider: str, kind: Any) -> None:
    async with scene(provider, adorned(provider)) as stage:
        stage.server.denies = True
        with pytest.raises(Failed, match=r"log-in was denied") as caught:
            await stage.log_in(kind)
        assert caught.value.code == "access_denied"
        assert not stage.store.pieces


@pytest.mark.parametrize("provider", ["codex", "qwen", "kimi", "xai"])
async def test_a_code_that_nobody_types_in_ends(provider: str) -> None:
    async with scene(provider) as stage:
        stage.server.agrees_after = 10_000
        stage.server.valid = 60.0
        with pytest.raises(Failed, match=rf"scripts/login {provider}") as caught:
            await stage.log_in("device")
        assert caught.value.code == "expired_token"


@pytest.mark.parametrize("provider", ["gemini-cli", "antigravity", "iflow"])
async def test_a_missing_client_secret_names_the_key_to_set(provider: str) -> None:
    async with scene(provider) as stage:
        stage.client = type(stage.client)(
            stage.client.id,
            stage.client.urls,
            key=provider,
            title=stage.client.title,
            redirect=stage.client.redirect,
            missing=stage.client.missing,
        )
        with pytest.raises(Failed, match=rf"oauth: {provider}: client-secret.*_CLIENT_SECRET") as caught:
            await stage.log_in()
        assert caught.value.code == "missing_client_secret"
        assert not stage.server.seen


@pytest.mark.parametrize(("provider", "kind"), KINDS)
async def test_an_outage_is_no_refusal(provider: str, kind: Any) -> None:
    async with scene(provider, adorned(provider)) as stage:
        account = (await stage.log_in(kind)).account
        for status, page in ((503, b"<html>busy</html>"), (403, b"<html>checking your browser</html>")):
            stage.server.routes["/token"] = lambda _, s=status, p=page: (s, {"content-type": "text/html"}, p)
            with pytest.raises(Failed) as caught:
                await drive(REFRESH[provider](account, stage.client, stage.clock()))
            assert not caught.value.dead


async def test_claude_is_waited_for_as_long_as_it_says() -> None:
    async with scene("claude") as stage:
        account = (await stage.log_in()).account
        limit = {"content-type": "application/json", "retry-after": "7200"}
        stage.server.routes["/token"] = lambda _: (429, limit, b'{"error":{"type":"rate_limit_error"}}')
        with pytest.raises(Failed) as caught:
            await drive(REFRESH["claude"](account, stage.client, stage.clock()))
        assert (caught.value.dead, caught.value.retry_after, caught.value.code) == (False, 300.0, "rate_limit_error")


@pytest.mark.parametrize("provider", SHAPES)
async def test_a_server_that_repeats_what_it_was_told_gives_nothing_away(provider: str) -> None:
    async with scene(provider, adorned(provider)) as stage:
        account = (await stage.log_in()).account
        short = type(account)(account.name, with_tokens(account, Tokens(Secret("at"), Secret("rt-canary")), 1.0).body)

        def repeat(asked: Asked) -> Reply:
            return answer(400, {"error": "invalid_grant", "error_description": " ".join(map(str, asked.data.values()))})

        stage.server.routes["/token"] = repeat
        with pytest.raises(Failed, match="log-in is no longer valid") as caught:
            await drive(REFRESH[provider](short, stage.client, stage.clock()))
        assert "canary" not in str(caught.value)
        assert SECRET not in str(caught.value)


async def test_a_setup_token_is_never_renewed() -> None:
    async with scene("claude") as stage:
        account = (await stage.log_in()).account
        setup = type(account)(account.name, {**account.body, "setup_token": True})
        with pytest.raises(Failed, match="setup token") as caught:
            await drive(REFRESH["claude"](setup, stage.client, stage.clock()))
        assert caught.value.dead


async def test_an_address_that_is_not_xais_gets_no_token() -> None:
    async with scene("xai") as stage:
        account = (await stage.log_in()).account
        for url in ("https://x.ai.example.com/token", "http://auth.x.ai/token", "https://auth.x.ai:8443/token"):
            moved = type(account)(account.name, {**account.body, "token_endpoint": url})
            before = len(stage.server.seen)
            with pytest.raises(Failed, match="not its own"):
                await drive(REFRESH["xai"](moved, stage.client, stage.clock()))
            assert len(stage.server.seen) == before


async def test_a_way_that_a_provider_does_not_have_is_named() -> None:
    async with scene("qwen") as stage:
        with pytest.raises(Failed, match="only by device"):
            await stage.log_in("browser")


# --- without a browser ----------------------------------------------------------------------------------------------


async def test_an_address_is_pasted_after_a_wrong_one_was() -> None:
    async with scene("claude") as stage:

        async def paste() -> str:
            if not stage.pastes.empty():
                return await stage.pastes.get()
            stage.pastes.put_nowait("https://example.com/nothing")
            stage.pastes.put_nowait(f"http://localhost:{stage.port}/callback?code=c&state=another")
            stage.pastes.put_nowait(await stage.address_after(stage.page()))
            return ""

        saved = await stage.login(Desk(stage.said.append, None, paste)).run()
        assert saved.account.name == NAMES["claude"]
        assert "ssh -L" in stage.told
        assert "There is no code in this" in stage.told
        assert "its state differs" in stage.told


async def test_nobody_comes_back() -> None:
    async with scene("claude") as stage:
        with pytest.raises(Failed, match="Nobody came back") as caught:
            await stage.log_in(open=lambda page: True, patience=0.0)
        assert caught.value.code == "timeout"
