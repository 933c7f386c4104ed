"""Every file of an existing auth directory beside a real mitmdump: its log-in, long expired, is renewed and answers
clients of its own dialect and of another; refused once more, it is renewed once more; and all that has changed in its
file are tokens and times. One proxy, one run, and then a test for each file.
"""

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from credentials.account import read_account
from credentials.due import secret_of
from tests.credentials.scene import SECRET, SHAPES
from tests.end_to_end.scenery import ended_well, payloads, request, text_in
from tests.proxy import proxy
from tests.upstreams import certificates
from tests.upstreams.authorization import jwt
from tests.upstreams.vendors import Door, Vendors

SAMPLES = Path(__file__).parents[1] / "data" / "auth"
FILES = sorted(path.relative_to(SAMPLES).as_posix() for path in SAMPLES.rglob("*.json"))
SETUP = "v7/claude-setup.json"
"""The one that cannot be renewed, nor has to be."""
DIALECTS = {
    "claude": ("claude", "openai-chat"), "codex": ("openai-responses", "claude"), "xai": ("openai-responses", "gemini"),
    "kimi": ("openai-chat", "gemini"), "qwen": ("openai-chat", "openai-responses"), "iflow": ("openai-chat", "claude"),
    "vertex": ("gemini", "claude"), "gemini-cli": ("gemini", "openai-responses"), "antigravity": ("gemini", "claude"),
}  # fmt: skip
"""Of each provider: its own, and a foreign one."""
TOKEN_FIELDS = {
    "access_token", "accessToken", "refresh_token", "refreshToken", "id_token", "api_key", "expired", "expiry",
    "expires_at", "expiresAt", "expires_in", "timestamp", "last_refresh", "lastRefreshedAt", "token_type", "scope",
}  # fmt: skip
ID = {
    "email": "ana@example.com",
    "https://api.openai.com/auth": {"chatgpt_account_id": "6d1f0c52-3b1e-4c58-9d7a-1f2e3d4c5b6a"},
}


@dataclass
class Run:
    """What was seen of one file. answers: dialect, status and body, as they came. renewed: how often its token was,
    after the first two answers and at the end.
    """

    before: str
    door: Door
    after: str = ""
    mode: int = 0
    answers: list[tuple[str, int, bytes]] = field(default_factory=list)
    renewed: list[int] = field(default_factory=list)


def prepared(path: str, number: int, pem: str, url: str) -> Run:
    """A sample with a prefix and tokens of its own, so that no two are the same log-in; and its vendor's view."""
    text = (SAMPLES / path).read_text()
    account = read_account(path, text.encode())
    for secret in {account.access.reveal(), account.refresh.reveal(), account.text("api_key")} - {""}:
        text = text.replace(f'"{secret}"', f'"{secret}-{number}"')
    text = re.sub('"-----BEGIN[^"]*"', lambda _: json.dumps(pem), text.replace('"k1"', f'"k{number}"'))
    text = text.replace('"proxy-url": "direct"', '"proxy-url": ""').replace("https://auth.x.ai/oauth2", f"{url}/xai")
    text = text if '"prefix"' in text else text.replace("{", f'{{"prefix":"n{number}",', 1)
    now = read_account(path, text.encode())
    return Run(text, Door(now.provider, dict(now.body), secret_of(now).reveal(), now.refresh.reveal()))


def shapes() -> dict[str, Any]:
    """The vendors' token endpoints, as the sample files know them."""
    found = {name: replace(shape, client_id=f"client-of-{name}") for name, shape in SHAPES.items()}
    own = {"client_id": "invented.apps.googleusercontent.com", "secret": "invented-client-secret"}
    return found | {
        "gemini-cli": replace(found["gemini-cli"], **own),
        "codex": replace(found["codex"], answers=lambda *_: {"id_token": jwt(ID)}),
        "xai": replace(found["xai"], answers=lambda *_: {}),
    }


def config(vendors: Vendors) -> dict[str, Any]:
    """All that leaves goes to the fake vendors; log-ins are renewed at addresses without TLS."""
    log_ins: dict[str, Any] = {}
    for name in (*SHAPES, "vertex"):
        base = f"{vendors.url}/{name}"
        urls = {"token": f"{base}/token"}
        if name == "iflow":
            urls |= {"userinfo": f"{base}/userinfo", "apikey": f"{base}/apikey"}
        if name == "xai":
            urls = {"discovery": f"{base}/discovery"}
        log_ins[name] = {"client-id": f"client-of-{name}", "urls": urls} if name != "vertex" else {"urls": urls}
        if name in ("antigravity", "iflow"):
            log_ins[name]["client-secret"] = SECRET
    return {"proxy-url": vendors.url, "oauth": log_ins, "request-retry": 0}


def asked(http: httpx.Client, door: Door, dialect: str) -> tuple[str, int, bytes]:
    """A streamed question to the one account that has this prefix."""
    wanted = request(dialect, f"{door.body['prefix']}/{door.model}", stream=True)
    headers = wanted["headers"] | {"user-agent": "cliproxy"}  # the client's own goes on to the vendor
    got = http.request(**wanted | {"headers": headers})
    return dialect, got.status_code, got.content


def questioned(http: httpx.Client, run: Run) -> None:
    """Both clients; then the vendor ends the token, and two ask at once."""
    own, foreign = DIALECTS[run.door.provider]
    run.answers += [asked(http, run.door, foreign), asked(http, run.door, own)]
    run.renewed.append(run.door.renewed)
    if run.door.body.get("setup_token"):
        return
    run.door.give("")
    with ThreadPoolExecutor(2) as several:
        run.answers += several.map(lambda dialect: asked(http, run.door, dialect), (foreign, own))
    run.renewed.append(run.door.renewed)


@dataclass
class World:
    """Everything that happened, and what is left of it."""

    runs: dict[str, Run]
    vendors: Vendors
    log: str
    flows: bytes
    left: list[str]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """An auth directory of all samples, a proxy over it, and the questions."""
    home = tmp_path_factory.mktemp("log-ins")
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    auth, runs = home / "auth", dict[str, Run]()
    auth.mkdir(mode=0o700)
    with Vendors(shapes(), key.public_key()) as vendors:
        for number, path in enumerate(FILES):
            runs[path] = run = prepared(path, number, pem, vendors.url)
            vendors.admit(run.door)
            (auth / path.replace("/", "-")).write_text(run.before)
            (auth / path.replace("/", "-")).chmod(0o600)
        authority, vendors.tls = certificates.make(home, vendors.hosts)
        trust = ("--set", f"ssl_verify_upstream_trusted_ca={authority}")
        with (
            proxy(config(vendors), home, args=trust, record=True) as running,
            httpx.Client(base_url=running.url, timeout=30) as http,
            ThreadPoolExecutor(3) as several,
        ):
            list(several.map(lambda run: questioned(http, run), runs.values()))
    for path, run in runs.items():
        file = auth / path.replace("/", "-")
        run.after, run.mode = file.read_text(), file.stat().st_mode & 0o777
    left = sorted(name for name in os.listdir(auth) if not name.endswith(".json"))
    return World(runs, vendors, running.log, running.flows.read_bytes(), left)


@pytest.mark.parametrize("path", FILES)
def test_a_file_serves_its_own_clients_and_others(world: World, path: str) -> None:
    run = world.runs[path]
    for dialect, status, raw in run.answers:
        assert status == 200, f"{dialect}: {raw.decode()}\n{world.log}"
        assert text_in(dialect, payloads(raw)) == "All is well."
        assert ended_well(dialect, raw)
    assert len(run.answers) == (2 if path == SETUP else 4)


@pytest.mark.parametrize("path", FILES)
def test_a_refused_token_is_renewed_once(world: World, path: str) -> None:
    run = world.runs[path]
    first = [0] if path == SETUP else [1]  # expired long ago: renewed before anybody used it
    assert run.renewed == (first if path == SETUP else [*first, 2])
    statuses = [status for status, _ in run.door.asked]
    assert statuses[:2] == [200, 200]
    assert statuses.count(200) == len(run.answers)
    assert statuses.count(401) in ((0,) if path == SETUP else (1, 2))


@pytest.mark.parametrize("path", FILES)
def test_nothing_but_tokens_has_changed_in_a_file(world: World, path: str) -> None:
    run = world.runs[path]
    assert run.mode == 0o600
    unwritten = run.door.provider == "vertex" or path == SETUP
    assert (run.after == run.before) is unwritten
    text, new, old = run.after, json.loads(run.after), json.loads(run.before)
    for inner_new, inner_old in ((new, old), (new.get("token", {}), old.get("token", {}))):
        for name, value in inner_new.items():
            stands = rf"({json.dumps(name)}:\s*){re.escape(json.dumps(value))}"
            if name not in inner_old:
                assert name in TOKEN_FIELDS | {"email"}
                text = re.sub(rf",\s*{stands}", "", text, count=1)
            elif value != inner_old[name] and name != "token":
                assert name in TOKEN_FIELDS
                before = json.dumps(inner_old[name])
                text = re.sub(stands, lambda found, before=before: found[1] + before, text, count=1)
    assert text == run.before
    if not unwritten:
        account = read_account(path, run.after.encode())
        assert (secret_of(account).reveal(), account.refresh.reveal()) == (run.door.token, run.door.refresh)


def test_the_vendors_met_nothing_that_they_would_not_expect(world: World) -> None:
    assert not world.vendors.violations, "\n".join(world.vendors.violations)
    assert [server.violations for server in world.vendors.servers.values() if server.violations] == []
    assert world.left == [".cliproxy"]


def test_no_token_is_told(world: World) -> None:
    for path, run in world.runs.items():
        for secret in {run.door.refresh, run.door.token, *run.door.spent, *run.door.bearers} - {""}:
            assert secret not in world.log, path
            assert secret.encode() not in world.flows, path
