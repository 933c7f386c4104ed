"""Log-ins of the vendors' own clients, a cookie, key files and whole directories, taken over."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from credentials.account import with_tokens, write_time
from credentials.model import Secret
from credentials.oauth import REFRESH
from credentials.oauth.flow import Failed, drive
from credentials.oauth.imports import find_source, read_directory
from credentials.oauth.login import Desk, Saved, take_directory
from credentials.oauth.vertex import read_key_file
from credentials.oauth.ways import Wishes
from tests.credentials.scene import ID_TOKEN, START, MemoryStore, Scene, scene
from tests.upstreams.authorization import Asked, FakeAuthorization, Reply, answer, jwt

ACCESS = "at-imported"
EXPIRES = START + 5000
MILLISECONDS = int(EXPIRES * 1000)


def put(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(0o400)
    return path


async def take(stage: Scene, home: Path, wishes: Wishes | None = None) -> Saved:
    path = find_source(stage.provider, {}, home)
    before = path.read_bytes()
    saved = await stage.login(Desk(stage.said.append), wishes).take(path)
    assert path.read_bytes() == before
    return saved


async def test_claude_code(tmp_path: Path) -> None:
    oauth = {"accessToken": ACCESS, "refreshToken": "rt", "expiresAt": MILLISECONDS, "rateLimitTier": "tier-1"}
    put(tmp_path / ".claude" / ".credentials.json", {"claudeAiOauth": oauth})
    person = {"emailAddress": "ana@example.com", "accountUuid": "acc-1", "organizationUuid": "org-1"}
    put(tmp_path / ".claude.json", {"oauthAccount": person})
    async with scene("claude") as stage:
        saved = await take(stage, tmp_path)
        assert saved.account.name == "claude-ana@example.com.json"
        assert (saved.account.access, saved.account.expires) == (Secret(ACCESS), EXPIRES)
        assert (saved.account.body["organization_uuid"], saved.account.body["rate_limit_tier"]) == ("org-1", "tier-1")
        assert "Claude Code has to log in again" in stage.told
        assert not stage.server.seen


async def test_claude_code_without_a_name_asks_for_it(tmp_path: Path) -> None:
    put(tmp_path / ".claude" / ".credentials.json", {"claudeAiOauth": {"accessToken": ACCESS, "refreshToken": "rt"}})
    async with scene("claude", lambda server: server.access.add(ACCESS)) as stage:
        saved = await take(stage, tmp_path)
        assert (saved.account.name, saved.account.body["plan"]) == ("claude-ana@example.com.json", "claude_max")


async def test_a_moved_claude_code_is_not_taken_for_the_one_beside_it(tmp_path: Path) -> None:
    path = put(tmp_path / "work" / ".credentials.json", {"claudeAiOauth": {"accessToken": ACCESS}})
    put(tmp_path / "work" / ".claude.json", {"oauthAccount": {"emailAddress": "ana@work.example"}})
    put(tmp_path / ".claude.json", {"oauthAccount": {"emailAddress": "ana@example.com"}})
    assert find_source("claude", {"CLAUDE_CONFIG_DIR": str(tmp_path / "work")}, tmp_path) == path
    async with scene("claude") as stage:
        saved = await stage.login(Desk(stage.said.append)).take(path)
        assert saved.account.body["email"] == "ana@work.example"


async def test_codex(tmp_path: Path) -> None:
    access = jwt({"exp": int(EXPIRES)})
    tokens = {"id_token": ID_TOKEN["codex"], "access_token": access, "refresh_token": "rt", "account_id": "own-id"}
    when = "2026-02-25T09:00:00.123456Z"
    put(tmp_path / ".codex" / "auth.json", {"OPENAI_API_KEY": None, "tokens": tokens, "last_refresh": when})
    async with scene("codex") as stage:
        body = (await take(stage, tmp_path)).account.body
        assert (body["account_id"], body["email"]) == ("own-id", "ana@example.com")
        assert (body["expired"], body["last_refresh"]) == (write_time(EXPIRES), "2026-02-25T09:00:00Z")


@pytest.mark.parametrize(
    ("provider", "file", "content", "key"),
    [
        ("codex", ".codex/auth.json", {"OPENAI_API_KEY": "sk-secret-1"}, "codex-api-key"),
        ("xai", ".grok/auth.json", {"xai::api_key": {"key": "sk-secret-1"}}, "xai-api-key"),
    ],
)
async def test_an_api_key_belongs_into_the_config(
    provider: str, file: str, content: Any, key: str, tmp_path: Path
) -> None:
    put(tmp_path / file, content)
    async with scene(provider) as stage:
        with pytest.raises(Failed, match=key) as caught:
            await take(stage, tmp_path)
        assert "sk-secret-1" not in str(caught.value)


async def test_gemini_cli_learns_its_project(tmp_path: Path) -> None:
    scopes = "https://www.googleapis.com/auth/cloud-platform openid"
    body = {"access_token": ACCESS, "refresh_token": "rt", "scope": scopes, "expiry_date": MILLISECONDS}
    put(tmp_path / ".gemini" / "oauth_creds.json", body)
    put(tmp_path / ".gemini" / "google_accounts.json", {"active": "ana@example.com", "old": []})

    def dressed(server: FakeAuthorization) -> None:
        server.access.add(ACCESS)
        said = {"currentTier": {"id": "free-tier"}, "cloudaicompanionProject": "found-1"}
        server.routes["/v1internal:loadCodeAssist"] = lambda _: answer(200, said)

    async with scene("gemini-cli", dressed) as stage:
        saved = await take(stage, tmp_path)
        assert saved.account.name == "gemini-ana@example.com-found-1.json"
        assert saved.account.body["token"]["scopes"] == scopes.split()
        assert saved.account.text("client_secret")
        assert "has to log in again" not in stage.told


async def test_a_stale_gemini_log_in_is_renewed_first(tmp_path: Path) -> None:
    put(tmp_path / ".gemini" / "oauth_creds.json", {"access_token": "old", "refresh_token": "rt-1", "expiry_date": 1})

    def dressed(server: FakeAuthorization) -> None:
        server.give_refresh("rt-1")
        said = {"currentTier": {"id": "free-tier"}, "cloudaicompanionProject": "found-1"}
        server.routes["/v1internal:loadCodeAssist"] = lambda asked: (
            answer(200, said) if server.bearer(asked) else answer(401, {})
        )

    async with scene("gemini-cli", dressed) as stage:
        account = (await take(stage, tmp_path)).account
        assert account.refresh == Secret("rt-1")
        assert account.expires == START + 3599


async def test_qwen_iflow_kimi_and_grok(tmp_path: Path) -> None:
    both = {"access_token": ACCESS, "refresh_token": "rt"}
    put(tmp_path / ".qwen" / "oauth_creds.json", both | {"resource_url": "portal.qwen.ai", "expiry_date": MILLISECONDS})
    iflow = both | {"apiKey": "key-1", "email": "ana@example.com", "expiry_date": MILLISECONDS}
    put(tmp_path / ".iflow" / "oauth_creds.json", iflow)
    put(
        tmp_path / ".kimi" / "credentials" / "kimi-code.json",
        both | {"expires_at": EXPIRES + 0.5, "scope": "kimi-code"},
    )
    put(tmp_path / ".kimi" / "device_id", "device-1\n")
    grok = {"key": ACCESS, "refresh_token": "rt", "expires_at": write_time(EXPIRES), "email": "ana@example.com"}
    put(tmp_path / ".grok" / "auth.json", {"xai::api_key": {"key": "k"}, "https://auth.x.ai::abc": grok})
    found = {}
    for provider in ("qwen", "iflow", "kimi", "xai"):
        async with scene(provider) as stage:
            account = (await take(stage, tmp_path, wishes=Wishes(label="ana"))).account
            assert (account.access, account.refresh.reveal()) == (Secret(ACCESS), "rt")
            assert account.expires == EXPIRES
            found[provider] = account
    assert (found["qwen"].name, found["qwen"].body["resource_url"]) == ("qwen-ana.json", "portal.qwen.ai")
    assert found["iflow"].body["api_key"] == "key-1"
    assert (found["kimi"].body["device_id"], found["kimi"].body["scope"]) == ("device-1", "kimi-code")
    assert (found["xai"].name, found["xai"].body["auth_kind"]) == ("xai-ana@example.com.json", "oauth")


async def test_grok_is_renewed_at_the_discovered_address(tmp_path: Path) -> None:
    grok = {"key": ACCESS, "refresh_token": "rt-1", "user_id": "user-1"}
    put(tmp_path / ".grok" / "auth.json", {"https://accounts.x.ai/sign-in": grok})
    async with scene("xai", lambda server: server.give_refresh("rt-1")) as stage:
        account = (await take(stage, tmp_path)).account
        tokens = await drive(REFRESH["xai"](account, stage.client, stage.clock()))
        assert with_tokens(account, tokens, START).body["token_endpoint"] == f"{stage.server.url}/token"


@pytest.mark.parametrize(
    ("content", "said"),
    [("{", "no JSON object"), ("[]", "no JSON object"), ({"type": "qwen"}, "--import-dir"), ({}, "no log-in in")],
)
async def test_a_file_that_cannot_be_meant(content: Any, said: str, tmp_path: Path) -> None:
    put(tmp_path / ".qwen" / "oauth_creds.json", content)
    async with scene("qwen") as stage:
        with pytest.raises(Failed, match=said):
            await take(stage, tmp_path)


def test_a_missing_file_names_the_places(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"\.kimi/credentials.*\.kimi-code"):
        find_source("kimi", {}, tmp_path)
    with pytest.raises(Failed, match=str(tmp_path / "moved" / "auth.json")):
        find_source("codex", {"CODEX_HOME": str(tmp_path / "moved")}, tmp_path)
    with pytest.raises(Failed, match="no file to import"):
        find_source("antigravity", {}, tmp_path)
    with pytest.raises(Failed, match="--import FILE"):
        find_source("vertex", {}, tmp_path)


# --- iFlow's cookie -------------------------------------------------------------------------------------------------


def apikey(server: FakeAuthorization) -> None:
    """platform.iflow.cn."""

    def serve(asked: Asked) -> Reply:
        if asked.headers.get("cookie") != "BXAuth=abc;":
            return answer(200, {"success": False, "code": "401", "message": "not logged in"})
        key = {"apiKey": f"key-{len(server.seen)}", "expireTime": "2026-06-01 12:00"}
        if asked.method == "GET":
            return answer(200, {"success": True, "data": {"name": "a*a na", "apiKeyMask": "k***"}})
        assert asked.data == {"name": "a*a na"}
        return answer(200, {"success": True, "data": key})

    server.routes["/apikey"] = serve


async def test_a_cookie_becomes_an_account_and_is_renewed() -> None:
    async with scene("iflow", apikey) as stage:
        saved = await stage.log_in("cookie", Wishes(cookie=Secret("a=b; BXAuth=abc; c=d")))
        assert saved.account.name == f"iflow-axana-{START:.0f}.json"
        body = saved.account.body
        assert (body["cookie"], body["api_key"], body["access_token"]) == ("BXAuth=abc;", "key-2", "")
        assert body["expired"] == "2026-06-01T04:00:00Z"
        tokens = await drive(REFRESH["iflow"](saved.account, stage.client, stage.clock()))
        assert with_tokens(saved.account, tokens, START).body["api_key"] == "key-3"


@pytest.mark.parametrize(("cookie", "said"), [("a=b", "no BXAuth"), ("BXAuth=wrong", "not logged in")])
async def test_a_cookie_that_does_not_do(cookie: str, said: str) -> None:
    async with scene("iflow", apikey) as stage:
        with pytest.raises(Failed, match=said):
            await stage.log_in("cookie", Wishes(cookie=Secret(cookie)))


# --- service accounts -----------------------------------------------------------------------------------------------

FILE = Path("key.json")
RSA_KEY = rsa.generate_private_key(65537, 2048)


def key_file(**changes: Any) -> dict[str, Any]:
    pem = RSA_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    usual = {
        "type": "service_account", "project_id": "my-proj-1", "private_key_id": "k1", "private_key": pem,
        "client_email": "bot@my-proj-1.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token",
    }  # fmt: skip
    return usual | changes


def test_a_key_file_becomes_an_account() -> None:
    escaped = key_file(private_key=key_file()["private_key"].replace("\n", "\\n"))
    account = read_key_file(FILE, json.dumps(escaped).encode(), Wishes(location="europe-west1")).account
    assert account.name == "vertex-my-proj-1.json"
    assert account.body == {
        "service_account": key_file(), "project_id": "my-proj-1", "location": "europe-west1", "type": "vertex",
        "email": "bot@my-proj-1.iam.gserviceaccount.com", "label": "my-proj-1 (bot@my-proj-1.iam.gserviceaccount.com)",
    }  # fmt: skip
    old = RSA_KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    assert read_key_file(FILE, json.dumps(key_file(private_key=old)).encode(), Wishes()).account.body["location"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "no key of a service account"),
        ({"type": "authorized_user"}, "no key of a service account"),
        (key_file(project_id=""), "no project_id"),
        (key_file(client_email=""), "no client_email"),
        (key_file(private_key="nonsense"), "no RSA key in PEM form"),
        (
            key_file(
                private_key=ec.generate_private_key(ec.SECP256R1())
                .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
                .decode()
            ),
            "no RSA key",
        ),
    ],
)
def test_a_key_file_that_is_none(content: Any, said: str) -> None:
    raw = content if isinstance(content, str) else json.dumps(content)
    with pytest.raises(Failed, match=said):
        read_key_file(FILE, raw.encode(), Wishes())


# --- directories ----------------------------------------------------------------------------------------------------


def test_a_directory_is_taken_over_byte_for_byte(tmp_path: Path) -> None:
    files = {
        "claude-a.json": '{"type":"claude",  "x":1}',
        "sub/codex-b.json": '{"type":"codex"}',
        "here.json": '{"type":"qwen","new":1}',
        "same.json": '{"type":"kimi"}',
        "key.json": '{"type":"service_account"}',
        "half.json": '{"type":',
        "config.yaml": "port: 1",
        ".hidden.json": '{"type":"qwen"}',
    }
    for name, content in files.items():
        put(tmp_path / name, content)
    store = MemoryStore()
    store.pieces = {"here.json": b'{"type":"qwen"}', "same.json": b'{"type":"kimi"}'}
    said: list[str] = []
    assert take_directory(store, read_directory(tmp_path), said.append) == 2
    assert store.pieces == {
        "claude-a.json": files["claude-a.json"].encode(), "sub-codex-b.json": files["sub/codex-b.json"].encode(),
        "here.json": b'{"type":"qwen"}', "same.json": b'{"type":"kimi"}',
    }  # fmt: skip
    told = "\n".join(said)
    for line in ("here.json: is here already, with another", "key.json: is a bare key file", "half.json: is no JSON"):
        assert line in told
    with pytest.raises(Failed, match="no folder"):
        read_directory(tmp_path / "none")
