"""One real request with one account: does it answer? Asked by a person, from a script or as a command of mitmproxy.

It is made as every other: translated, with the provider's steps and headers (addons/prepare.py), with a renewed token
where the old one has ended, and read by the same pump. Only the sending is httpx's, since there is no client whose
connection it could belong to. It costs a few tokens, and rotation takes no part in it: a resting account is asked, too.
"""

import ssl
import time
from dataclasses import dataclass, replace

import httpx
import msgspec
from mitmproxy import connection
from mitmproxy.http import HTTPFlow, Request

from addons.engine.terms import fresh_seed
from addons.exchanges import Exchange, Exchanges, Tape, Wire
from addons.memory import Memory
from addons.models import cheapest
from addons.prepare import prepare
from addons.refresh import Refresh
from addons.route import KEPT_BYTES
from addons.runtime import Runtime
from credentials.halts import Refused
from credentials.model import Credential
from credentials.oauth.flow import Failed
from credentials.oauth.google_projects import Projects
from credentials.pool import Lease, Pool, UnknownModel
from providers.address import BadAddress, NoSuchOperation
from translators.dialect import Asked
from translators.errors import TranslationError
from translators.losses import Ledger
from translators.model import Failure
from translators.registry import DIALECTS
from translators.routes import Call

CLIENT = "openai-chat"
QUESTION = "Reply with the single word: ready"
MOST = 64
"""Tokens of an answer, where the upstream lets us say that: enough for a little thought before the word."""
PATIENCE = 60.0
"""Seconds for the whole."""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of it. model: that was asked. said: the answer's text. failure: why there is none, in words."""

    label: str
    provider: str
    model: str = ""
    seconds: float = 0.0
    status: int = 0
    said: str = ""
    tokens: tuple[int, int] = (0, 0)
    failure: str = ""

    @property
    def ok(self) -> bool:
        """It answers."""
        return not self.failure

    def __str__(self) -> str:
        """One line for people."""
        asked = f"{self.provider}:{self.label}" + (f", {self.model}" if self.model else "")
        if self.failure:
            status = f" {self.status}" if self.status else ""
            return f"{asked}: failed{status} after {self.seconds:.1f} s: {self.failure}"
        used = f", {self.tokens[0]} → {self.tokens[1]} tokens" if any(self.tokens) else ""
        return f"{asked}: answers after {self.seconds:.1f} s{used}: {self.said[:60]!r}"


class Trial:
    """refresh, projects: those of the proxy, or of their own in a script. trusted: certificates to trust."""

    def __init__(self, refresh: Refresh, projects: Projects, trusted: ssl.SSLContext | bool = True) -> None:
        self._refresh = refresh
        self._projects = projects
        self._trusted = trusted

    async def run(self, runtime: Runtime, credential: Credential, model: str = "") -> Found:
        """Ask. model: a name that the account serves, "" a cheap one of its own. Never raises for what is found."""
        begun = time.monotonic()
        found = Found(credential.label, credential.provider, model)
        try:
            found = await self._ask(runtime, replace(credential, disabled=False, weight=1), found)
        except (Refused, Failed, UnknownModel, NoSuchOperation, BadAddress, TranslationError) as error:
            found = replace(found, failure=str(error))
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            found = replace(found, failure=f"{type(error).__name__}: {error}".rstrip(": "))
        shown = runtime.redactor.text
        seconds = time.monotonic() - begun
        return replace(found, failure=shown(found.failure), said=shown(found.said), seconds=seconds)

    async def _ask(self, runtime: Runtime, credential: Credential, found: Found) -> Found:
        alone = Pool([credential], runtime.catalog, replace(runtime.pool.settings, strategy="round-robin"))
        row = alone.states(0.0)[0]
        if row.state == "unserved":
            return replace(found, failure=row.reason)
        model = found.model or cheapest([listing.model for listing in alone.models()])
        found = replace(found, model=model)
        if self._refresh.stale(credential):
            credential = await self._refresh.renewed(credential)
        if self._projects.missing(credential):
            credential = await self._projects.placed(credential, _proxy(runtime, credential))
        leased = alone.lease(alone.resolve(model), (), time.time())
        assert isinstance(leased, Lease), leased
        found, failure = await self._once(runtime, replace(leased, credential=credential), found)
        if failure is not None and failure.kind == "auth" and self._refresh.renews(credential):
            renewed = await self._refresh.renewed(credential)
            found, _ = await self._once(runtime, replace(leased, credential=renewed), found)
        return found

    async def _once(self, runtime: Runtime, lease: Lease, found: Found) -> tuple[Found, Failure | None]:
        exchange = _exchange(runtime, found.model)
        prepare(exchange, lease, Memory(Exchanges()))
        wire, proxy = exchange.wire, _proxy(runtime, lease.credential)
        assert wire is not None
        async with httpx.AsyncClient(proxy=proxy, trust_env=False, verify=self._trusted, timeout=PATIENCE) as http:
            url = f"{wire.scheme}://{wire.host}:{wire.port}{wire.path}"
            answer = await http.request("POST", url, headers=wire.headers, content=wire.body)
        return _read(wire, answer, found)


def _read(wire: Wire, answer: httpx.Response, found: Found) -> tuple[Found, Failure | None]:
    """What the answer says, read as the proxy reads it."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    failure: Failure | None = None
    said, tokens = "", (0, 0)
    if answer.status_code >= 300:
        failure = wire.read_failure(answer.status_code, headers, answer.content)
    else:
        pump = wire.make_pump("event-stream" in headers.get("content-type", ""))
        body = pump.feed(answer.content) + pump.finish()
        failure = pump.failure
        if failure is None:
            said = msgspec.json.decode(body)["choices"][0]["message"].get("content") or ""
        if pump.usage is not None:
            tokens = pump.usage.input or 0, pump.usage.output or 0
    why = f"{failure.kind}: {failure.message}" if failure is not None else ""
    return replace(found, status=answer.status_code, said=said, tokens=tokens, failure=why), failure


def _exchange(runtime: Runtime, model: str) -> Exchange:
    """A request as a client of ours would send it, in no connection."""
    body = {"model": model, "messages": [{"role": "user", "content": QUESTION}], "max_completion_tokens": MOST}
    raw = msgspec.json.encode(body)
    here = ("127.0.0.1", 0)
    flow = HTTPFlow(connection.Client(peername=here, sockname=here), connection.Server(address=None))
    flow.request = Request.make("POST", "http://127.0.0.1/v1/chat/completions", raw)
    return Exchange(
        flow=flow,
        call=Call(CLIENT, "generate"),
        client=DIALECTS[CLIENT],
        asked=Asked(model=model, stream=False, now=int(time.time()), seed=fresh_seed()),
        body=raw,
        runtime=runtime,
        ledger=Ledger(),
        emitted=Tape(KEPT_BYTES),
        keep=KEPT_BYTES,
        headers={"content-type": "application/json"},
    )


def _proxy(runtime: Runtime, credential: Credential) -> str | None:
    url = credential.proxy_url or runtime.config.proxy_url
    return None if url in ("", "direct", "none") else url
