"""Sends a client's request again: by the front door, so that nothing of what happens to requests is left out.

mitmproxy's own replay (`replay.client`) sends a flow's request to the address it shows, by a plain layer of its own:
past our engine, with the mask in the place of the key, and into the flow that is there already. A request to our own
port gets what every request gets (credential, translation, failover, record), and a flow of its own.
"""

import asyncio
import logging
import ssl
from urllib.parse import quote

import httpx
from mitmproxy import ctx, exceptions
from mitmproxy.flow import Flow

from addons.inspection.exports import BEARER, KEY_IN, path_of
from addons.inspection.hiding import is_hidden
from addons.inspection.json_diff import ABSENT, parsed
from addons.inspection.recorded import Recorded
from addons.listen import own_url
from addons.passes import Again, Passes
from addons.settings import Settings
from providers.address import HOP_BY_HOP
from providers.version import VERSION
from translators import edit
from translators.registry import DIALECTS

log = logging.getLogger(__name__)

_LEFT_OUT = HOP_BY_HOP | {
    *("host", "content-length", "content-encoding", "accept-encoding"),
    *("authorization", "x-api-key", "x-goog-api-key", "cookie", "origin", "referer"),
    *("user-agent", "x-app"),
}
"""Headers that belong to the connection, to the key, to a web page, or that name the program: another one asks now."""


class Resend:
    """The requests that are under way. passes: what opens our own door."""

    def __init__(self, settings: Settings, passes: Passes) -> None:
        self.settings = settings
        self.passes = passes
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, flow: Flow, found: Recorded, model: str = "") -> str:
        """Begin; the answer shows as a new flow. model: another one to ask. Gives a line for the person.

        Raises CommandError where the request cannot be sent again.
        """
        server = ctx.master.addons.get("proxyserver")
        if not ctx.options.server or server is None or not server.listen_addrs():
            raise exceptions.CommandError("nothing can be sent: no port is open here (-n)")
        if found.oversize or (found.method == "POST" and parsed(found.body) is ABSENT):
            raise exceptions.CommandError("nothing can be sent: its body was not kept whole, or is no JSON")
        if is_hidden(found.body):
            raise exceptions.CommandError("nothing can be sent: what was said was not kept (`redact: content`)")
        path, body = path_of(found), found.body
        if model:
            path, body = with_model(found, path, body, model)
        avoid = tuple((attempt.credential, attempt.model) for attempt in found.attempts)
        made = self.passes.issue(Again(flow.id, avoid, found.caller))
        headers = [(name, value) for name, value in found.headers if _kept(name.lower())]
        name, before = KEY_IN.get(found.client, BEARER)
        headers += [(name, f"{before}{made}"), ("user-agent", f"cliproxy/{VERSION} (sent again)")]
        request = httpx.Request(found.method, own_url(self.settings) + path, headers=headers, content=body)
        task = asyncio.get_running_loop().create_task(self._run(request, made))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return f"sent again{f' for {model}' if model else ''}: {found.method} {path}"

    async def _run(self, request: httpx.Request, made: str) -> None:
        """The answer is taken and thrown away: the new flow has it."""
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=None, verify=self._trusted()) as client:
                response = await client.send(request, stream=True)
                async for _ in response.aiter_raw():
                    pass
                await response.aclose()
        except (httpx.HTTPError, OSError) as error:
            log.error("sent again, and broke off: %s", error)
        finally:
            self.passes.withdraw(made)

    def _trusted(self) -> ssl.SSLContext | bool:
        """Our own certificate, under whatever name it was made out."""
        tls = self.settings.runtime.config.tls
        if not tls.enable:
            return False
        context = ssl.create_default_context(cafile=tls.cert)
        context.check_hostname = False
        return context

    def stop(self) -> None:
        """Break off what is under way."""
        for task in self._tasks:
            task.cancel()


def _kept(name: str) -> bool:
    return name not in _LEFT_OUT and not name.startswith(("x-stainless-", "sec-"))


def with_model(found: Recorded, path: str, body: bytes, model: str) -> tuple[str, bytes]:
    """Path and body, asking for another model. Raises CommandError where the request names none."""
    dialect = DIALECTS.get(found.client)
    if dialect is None or not found.model:
        raise exceptions.CommandError("this request names no model")
    if dialect.model_in_body:
        return path, edit.set_model(body, model)
    before, _, rest = path.partition("/models/")
    _, _, verb = rest.partition(":")
    return f"{before}/models/{quote(model, safe='')}:{verb}", body
