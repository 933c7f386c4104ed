"""Log-ins played through: a clock that only pauses move, a store in memory, a person with a browser, the vendors'
servers in their shapes."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from credentials.account import Account, read_account
from credentials.model import OwnClient
from credentials.oauth.clients import client_of
from credentials.oauth.flow import Client
from credentials.oauth.login import Desk, Kind, Login, Saved
from credentials.oauth.ways import Wishes
from credentials.store import Conflict, Stored, revision_of
from providers import oauth
from tests.proxy import free_port
from tests.upstreams.authorization import Asked, FakeAuthorization, Reply, Shape, answer, jwt

START = 1_780_000_000.0
SHIPPED = oauth.load()
SECRET = "the-client-secret"


class Clock:
    """Unix seconds; pauses move it, nothing else does."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    async def pause(self, seconds: float) -> None:
        """Wait, without waiting."""
        self.now += seconds


class MemoryStore:
    """A Store in memory. What is no whole object is there, and cannot be seen."""

    def __init__(self) -> None:
        self.pieces: dict[str, bytes] = {}
        self.held: set[str] = set()

    def names(self) -> list[str]:
        return sorted(name for name in self.pieces if self.read(name) is not None)

    def left_out(self) -> list[str]:
        return sorted(name for name in self.pieces if self.read(name) is None)

    def read(self, name: str) -> Stored | None:
        content = self.pieces.get(name)
        try:
            whole = content is not None and isinstance(json.loads(content), dict)
        except ValueError:
            whole = False
        return Stored(name, content, revision_of(content)) if content is not None and whole else None

    def write(self, name: str, content: bytes, expected: str | None) -> Stored:
        current = self.read(name)
        if (current.revision if current else None) != expected or (expected is None and name in self.pieces):
            raise Conflict(name, current)
        self.pieces[name] = content
        return Stored(name, content, revision_of(content))

    def delete(self, name: str, expected: str) -> None:
        del self.pieces[name]

    def locked(self, name: str) -> AbstractContextManager[None]:
        @contextmanager
        def lock() -> Iterator[None]:
            assert name not in self.held, "locks are not for re-entry"
            self.held.add(name)
            yield
            self.held.discard(name)

        return lock()

    def body(self, name: str) -> dict[str, Any]:
        """The object in a piece."""
        return dict(json.loads(self.pieces[name]))


# --- the vendors' servers -------------------------------------------------------------------------------------------

ACCOUNT_ID = "6d1f0000-acc"
ID_TOKEN = {
    "codex": jwt(
        {
            "email": "ana@example.com",
            "https://api.openai.com/auth": {"chatgpt_account_id": ACCOUNT_ID, "chatgpt_plan_type": "Plus"},
        }
    ),
    "xai": jwt({"email": "ana@example.com", "sub": "user-1"}),
}
WHO = {
    "organization": {"uuid": "org-1", "name": "Ana's"},
    "account": {"uuid": "acc-1", "email_address": "ana@example.com"},
}


def _openai_words(status: int, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    reused = "used already" in body.get("error_description", "")
    code = "refresh_token_reused" if reused else body["error"]
    return (401 if reused else status), {"error": {"message": body.get("error_description", ""), "code": code}}


SHAPES = {
    "claude": Shape(body="json", answers=lambda *_: WHO, parameters=frozenset({"state"}), lifetime=28800),
    "codex": Shape(
        answers=lambda *_: {"id_token": ID_TOKEN["codex"]},
        parameters=frozenset({"scope"}),
        jwt=True,
        lifetime=864000,
        fails=_openai_words,
    ),
    "gemini-cli": Shape(secret=SECRET, proof=False, rotates=False, lifetime=3599),
    "antigravity": Shape(secret=SECRET, proof=False, rotates=False, lifetime=3599),
    "qwen": Shape(
        answers=lambda *_: {"resource_url": "portal.qwen.ai"},
        lifetime=21600,
        slower=lambda seconds: min(10.0, seconds * 1.5),
    ),
    "iflow": Shape(secret=SECRET, basic=True, proof=False, lifetime=172800),
    "kimi": Shape(proof=False, jwt=True, lifetime=900, headers=("x-msh-platform", "x-msh-device-id")),
    "xai": Shape(proof=False, answers=lambda *_: {"id_token": ID_TOKEN["xai"]}, lifetime=21600),
}

PATHS = {
    "authorize": "/authorize",
    "token": "/token",
    "profile": "/profile",
    "userinfo": "/userinfo",
    "apikey": "/apikey",
    "device": "/device",
    "device_token": "/codex/token",
    "device_page": "/codex/page",
    "device_redirect": "/codex/back",
    "discovery": "/.well-known/openid-configuration",
    "code_assist": "",
    "projects": "/v1/projects",
    "services": "/v1/services",
}


def dress(server: FakeAuthorization, provider: str) -> None:
    """The paths that a vendor has besides OAuth's own."""
    routes = server.routes
    if provider == "claude":
        plan = {"organization_type": "claude_max", "rate_limit_tier": "default_claude_max_20x"}
        routes["/profile"] = lambda asked: (
            answer(200, {"account": {"email": "ana@example.com"}, "organization": plan | {"uuid": "org-1"}})
            if server.bearer(asked)
            else answer(401, {})
        )
    elif provider == "codex":
        routes["/device"] = lambda asked: _codex_code(server, asked)
        routes["/codex/token"] = lambda asked: _codex_poll(server, asked)
    elif provider == "iflow":
        routes["/userinfo"] = lambda asked: (
            answer(200, {"success": True, "data": {"apiKey": f"key-{len(server.seen)}", "email": "ana@example.com"}})
            if asked.query.get("accessToken") in server.access
            else answer(200, {"success": False, "code": "401", "message": "token invalid"})
        )
    elif provider == "xai":
        routes["/.well-known/openid-configuration"] = lambda _: answer(
            200,
            {"device_authorization_endpoint": f"{server.url}/device", "token_endpoint": f"{server.url}/token"},
        )
    elif provider in ("gemini-cli", "antigravity"):
        routes["/userinfo"] = lambda asked: (
            answer(200, {"email": "ana@example.com"}) if server.bearer(asked) else answer(401, {})
        )


def _codex_code(server: FakeAuthorization, asked: Asked) -> Reply:
    assert asked.data == {"client_id": server.shape.client_id}
    server.give_device_code("handle-1", "ABCD-EFGH", "")
    return answer(200, {"device_auth_id": "handle-1", "user_code": "ABCD-EFGH", "interval": "5"})


def _codex_poll(server: FakeAuthorization, asked: Asked) -> Reply:
    assert asked.data == {"device_auth_id": "handle-1", "user_code": "ABCD-EFGH"}
    if not server.poll("ABCD-EFGH"):
        return answer(403, {"error": {"code": "deviceauth_authorization_unknown"}})
    if server.denies:
        return answer(400, {"error": {"code": "access_denied", "message": "no"}})
    verifier = "v" * 50
    query = {"client_id": server.shape.client_id, "response_type": "code", "redirect_uri": f"{server.url}/codex/back"}
    query |= {
        "code_challenge": create_s256_code_challenge(verifier),
        "code_challenge_method": "S256",
        "scope": "",
        "state": "",
    }
    server.client.redirects.add(query["redirect_uri"])
    server.authorize(Asked("GET", "/authorize", query, {}, b""))
    return answer(200, {"authorization_code": list(server.codes)[-1], "code_verifier": verifier})


# --- the scene ------------------------------------------------------------------------------------------------------


@dataclass
class Scene:
    """A person who logs in. said: what was told. goes_to: what the person's browser does with a page."""

    provider: str
    clock: Clock
    server: FakeAuthorization
    client: Client
    store: MemoryStore = field(default_factory=MemoryStore)
    said: list[str] = field(default_factory=list)
    ended_at: list[str] = field(default_factory=list)
    pastes: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    port: int = 0

    @property
    def told(self) -> str:
        """All that was told, as one text."""
        return "\n".join(self.said)

    def login(self, desk: Desk, wishes: Wishes | None = None) -> Login:
        return Login(
            self.client, SHIPPED[self.provider], self.store, desk, self.clock, wishes=wishes, pause=self.clock.pause
        )

    async def log_in(self, kind: Kind = "", wishes: Wishes | None = None, **desk: Any) -> Saved:
        """Log in with a browser on this machine."""
        tasks: list[asyncio.Task[None]] = []

        def opens(page: str) -> bool:
            tasks.append(asyncio.create_task(self.browse(page)))
            return True

        try:
            return await self.login(Desk(self.said.append, desk.pop("open", opens), **desk), wishes).run(kind)
        finally:
            for task in tasks:
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def browse(self, page: str) -> None:
        """Open a page, and go wherever it leads."""
        async with httpx.AsyncClient(verify=False, trust_env=False, follow_redirects=True) as browser:
            if httpx.URL(page).path == "/authorize":
                came = await browser.get(page)
                self.ended_at.append(f"{came.status_code} {came.url}")

    async def address_after(self, page: str) -> str:
        """Where the browser is sent after the log-in, without going there."""
        async with httpx.AsyncClient(verify=False, trust_env=False) as browser:
            return str((await browser.get(page)).headers["location"])

    def page(self) -> str:
        """The page that a person was told to open."""
        return next(line.strip() for line in self.told.splitlines() if line.strip().startswith(self.server.url))

    def account(self, name: str) -> Account:
        return read_account(name, self.store.pieces[name])


@asynccontextmanager
async def scene(
    provider: str, adorn: Callable[[FakeAuthorization], None] | None = None, **shape: Any
) -> AsyncIterator[Scene]:
    """A vendor's server, and a person before it."""
    clock = Clock()
    shipped = SHIPPED[provider]
    port = free_port()
    redirect = (
        shipped.redirect.replace(f":{httpx.URL(shipped.redirect).port}/", f":{port}/") if shipped.redirect else ""
    )
    async with FakeAuthorization(replace(SHAPES[provider], **shape), clock, {redirect}) as server:
        dress(server, provider)
        if adorn is not None:
            adorn(server)
        own = OwnClient(server.shape.client_id, urls={name: f"{server.url}{PATHS[name]}" for name in shipped.urls})
        environment = {f"{shipped.variable}_CLIENT_SECRET": SECRET} if shipped.secret else {}
        client = replace(client_of(provider, shipped, own, environment), redirect=redirect)
        yield Scene(provider, clock, server, client, port=port)
