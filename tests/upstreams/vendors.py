"""All vendors of log-ins at once, at their own addresses: an HTTP proxy on 127.0.0.1 that leads nowhere else.

An HTTPS address (CONNECT) is the vendor's API: the token must be the newest one of its file, the request what that
vendor takes (logins.py, code_assist.py). The only HTTP address is the proxy's own, where log-ins are renewed
(authorization.py; `…/kimi/token`): clients are known, rotated refresh tokens are good once. What a vendor would not
expect is kept in `violations`.
"""

import asyncio
import base64
import json
import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tests.upstreams import code_assist
from tests.upstreams.answers import Answer
from tests.upstreams.authorization import Asked, FakeAuthorization, Reply, Shape, answer
from tests.upstreams.logins import LOGINS, Login
from tests.upstreams.transport import Connection2, Exchange, Gone, Received, serve_http1

CODE_ASSIST = {
    "gemini-cli": ("cloudcode-pa.googleapis.com", code_assist.GEMINI_CLI, "gemini-2.5-pro"),
    "antigravity": ("daily-cloudcode-pa.googleapis.com", code_assist.ANTIGRAVITY, "gemini-3-flash"),
}
SAID = Answer("All is well.")


@dataclass
class Door:
    """A file's log-in as its vendor knows it. token: the one that is good now, "" for none; spent: those before it.
    bearers: access tokens that open nothing but the way to an API key (iFlow). renewed: how often; asked: status and
    token of each request to the API.
    """

    provider: str
    body: dict[str, Any]
    token: str = ""
    refresh: str = ""
    renewed: int = 0
    spent: list[str] = field(default_factory=list)
    bearers: list[str] = field(default_factory=list)
    asked: list[tuple[int, str]] = field(default_factory=list)

    def give(self, token: str) -> None:
        """Another token, the only one from now on."""
        self.spent.append(self.token)
        self.token = token

    @property
    def login(self) -> Login:
        """What its vendor demands, with what this account says; not for Code Assist."""
        login, body = LOGINS[self.provider], self.body
        own = {name.lower(): value for name, value in body.get("headers", {}).items()}
        if self.provider == "codex":
            own["chatgpt-account-id"] = body["account_id"]
        if self.provider == "kimi":
            own["x-msh-device-id"] = body["device_id"]
        place = {}
        if self.provider == "vertex":
            usual, here = login.facts["location"], body["location"]
            paths = {verb: path.replace(usual, here) for verb, path in login.paths.items()}
            place = {"host": login.host.replace(usual, here), "paths": paths}
        return replace(login, headers={**login.headers, **own}, token=self.token, **place)

    @property
    def host(self) -> str:
        """Of the API."""
        return CODE_ASSIST[self.provider][0] if self.provider in CODE_ASSIST else self.login.host

    @property
    def model(self) -> str:
        """One that it has."""
        return CODE_ASSIST[self.provider][2] if self.provider in CODE_ASSIST else self.login.model

    def judged(self, got: Received, headers: dict[str, str]) -> tuple[Any, list[str]]:
        """The request as the vendor recognises it, and what is wrong with it."""
        if self.provider not in CODE_ASSIST:
            login, verb = self.login, "generate"
            found = login.faults(verb, f"https://{self.host}{got.target}", headers, got.body)
            return login.asked(verb, got.target, headers, got.body), found
        asked = code_assist.asked_of(got.target, headers, got.body)
        found = CODE_ASSIST[self.provider][1].check(asked)
        if not headers["user-agent"].startswith("cliproxy") or headers.keys() & {"x-goog-api-client"}:
            found.append(f"disguise: {headers}")
        if asked.body.get("project") not in str(self.body["project_id"]).split(","):
            found.append(f"project {asked.body.get('project')!r}")
        return asked, found

    def said(self, asked: Any) -> list[bytes]:
        """The pieces of an answer."""
        if self.provider not in CODE_ASSIST:
            return self.login.answer(SAID, asked)
        return code_assist.frames(SAID, asked) if asked.stream else [code_assist.whole(SAID, asked)]

    def refused(self) -> tuple[int, dict[str, str], bytes]:
        """What the vendor says to a token that is no good (any more)."""
        if self.provider in CODE_ASSIST:
            body = code_assist.refusal(401, "Request had invalid authentication credentials.", "UNAUTHENTICATED")
            return 401, {"content-type": "application/json"}, body
        refusals = self.login.refusals
        status, headers, raw = refusals.get("expired") or refusals["key"]
        return status, {name: value for name, value in headers.items() if name != "date"}, raw


class Vendors:
    """Listens while its block lasts. shapes: of each vendor's token endpoint. tls: with certificates for `hosts`, once
    it is known who there is.
    """

    def __init__(self, shapes: dict[str, Shape], key: rsa.RSAPublicKey) -> None:
        self.doors: list[Door] = []
        self.tls: ssl.SSLContext | None = None
        self.violations: list[str] = []
        self.servers = {name: FakeAuthorization(shape, time.time) for name, shape in shapes.items()}
        self.port = 0
        self._key = key
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="vendors", daemon=True)
        self._ready, self._stop, self._tasks = threading.Event(), asyncio.Event(), set[asyncio.Task[Any]]()

    def admit(self, door: Door) -> None:
        """A log-in that was made here once."""
        self.doors.append(door)
        if door.refresh:
            self.servers[door.provider].give_refresh(door.refresh, "openid profile email")

    @property
    def hosts(self) -> Iterable[str]:
        """Of all APIs."""
        return {door.host for door in self.doors}

    @property
    def url(self) -> str:
        """Of the proxy."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        self._loop.run_until_complete(self._live())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _live(self) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, target, _ = head[0].split(" ")
            headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in head[1:-2])]
            if method == "CONNECT":
                await self._tunnel(target.partition(":")[0], reader, writer)
            else:
                body = await reader.readexactly(int(dict(headers).get("content-length", 0)))
                status, told, raw = self._renewed(Received(method, target, headers, 0, body))
                lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
                length = f"content-length: {len(raw)}\r\nconnection: close"
                writer.write(f"HTTP/1.1 {status} X\r\n{lines}{length}\r\n\r\n".encode() + raw)
                await writer.drain()
        except (Gone, OSError, EOFError, asyncio.CancelledError):
            pass  # the end of the connection, whoever made it
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _tunnel(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self.tls is not None
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        await writer.start_tls(self.tls)
        if writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2":
            await Connection2(reader, writer, 0, lambda exchange: self._api(host, exchange)).serve()
        else:
            await serve_http1(reader, writer, 0, lambda exchange: self._api(host, exchange))

    # --- APIs

    async def _api(self, host: str, exchange: Exchange) -> None:
        got = exchange.request
        headers = {name.lower(): value for name, value in got.headers}
        token = headers.get("authorization", "").removeprefix("Bearer ")
        door = next((one for one in self.doors if token and token in (one.token, *one.spent)), None)
        if door is None or door.host != host:
            self.violations.append(f"{host}{got.target}: {token!r} is nobody's token")
            await exchange.abort("reset")
            return
        if token != door.token:
            status, told, raw = door.refused()
            frames = [raw]
        else:
            asked, faults = door.judged(got, headers)
            self.violations += [f"{door.provider} {got.target}: {fault}" for fault in faults]
            status, frames = 200, door.said(asked)
            told = {"content-type": "text/event-stream" if asked.stream else "application/json"}
        door.asked.append((status if token == door.token else 401, token))
        await exchange.start(status, told, "chunked", 0)
        for frame in frames:
            await exchange.send(frame)
        await exchange.end()

    # --- token endpoints

    def _renewed(self, got: Received) -> Reply:
        url = urlsplit(got.target)
        _, provider, verb = url.path.split("/")
        query = dict(pair.split("=", 1) for pair in url.query.split("&") if pair)
        asked = Asked(got.method, f"/{verb}", query, dict(got.headers), got.body)
        if provider == "vertex":
            return self._minted(asked)
        if provider == "iflow" and verb != "token":
            return self._key_of(asked)
        door = next((one for one in self.doors if one.refresh == asked.data.get("refresh_token")), None)
        if door is None or door.provider != provider:
            self.violations.append(f"{got.target}: a refresh token that is spent, or nobody's")
            return answer(400, {"error": "invalid_grant"})
        reply = self.servers[provider].token(asked)
        if reply[0] == 200:
            said = json.loads(reply[2])
            door.renewed += 1
            door.refresh = said.get("refresh_token", door.refresh)
            if provider == "iflow":
                door.bearers.append(said["access_token"])
            else:
                door.give(said["access_token"])
        else:
            self.violations.append(f"{got.target}: {reply[2].decode()}")
        return reply

    def _minted(self, asked: Asked) -> Reply:
        signed, _, signature = asked.data["assertion"].rpartition(".")
        head, claims = (json.loads(_bytes(part)) for part in signed.split("."))
        self._key.verify(_bytes(signature), signed.encode(), padding.PKCS1v15(), SHA256())
        accounts = [one for one in self.doors if "service_account" in one.body]
        door = next(one for one in accounts if one.body["service_account"]["private_key_id"] == head["kid"])
        if claims["iss"] != door.body["email"] or not claims["iat"] < claims["exp"] <= claims["iat"] + 3600:
            self.violations.append(f"assertion {claims}")
        door.renewed += 1
        door.give(f"ya29.minted-for-{head['kid']}-{door.renewed}")
        return answer(200, {"access_token": door.token, "expires_in": 3599, "token_type": "Bearer"})

    def _key_of(self, asked: Asked) -> Reply:
        """iFlow's API key: of a fresh access token, or of a cookie."""
        for door in self.doors:
            cookie = door.body.get("cookie")
            if asked.path == "/userinfo" and asked.query.get("accessToken") in door.bearers:
                door.give(f"sk-iflow-for-{asked.query['accessToken']}")
                return answer(200, {"success": True, "data": {"apiKey": door.token, "email": door.body["email"]}})
            if asked.path == "/apikey" and cookie and asked.headers.get("cookie") == cookie:
                door.renewed += 1
                door.give(f"sk-iflow-by-cookie-{door.renewed}")
                end = time.strftime("%Y-%m-%d %H:%M", time.gmtime(time.time() + 10 * 86400))
                return answer(200, {"success": True, "data": {"apiKey": door.token, "expireTime": end, "name": "ana"}})
        self.violations.append(f"iflow {asked.path}: nobody's")
        return answer(200, {"success": False, "code": "401", "message": "token invalid"})


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
