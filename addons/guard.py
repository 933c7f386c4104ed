"""Who may ask: our own host names only, no web pages of others, and a client key where the config has keys.

Comes before everything that could touch a credential. A page in a browser can reach a loopback port (DNS rebinding,
plain cross-site
requests); it cannot choose `Host`, `Origin` and `Sec-Fetch-Site` freely, and these tell it apart.
"""

import logging
from functools import lru_cache
from urllib.parse import urlsplit

from mitmproxy import ctx
from mitmproxy.http import HTTPFlow

from addons.client_keys import Arrival
from addons.config.listen import is_loopback
from addons.engine.terms import Terms
from addons.exchanges import Exchanges
from addons.passes import AGAIN, Passes
from addons.refuse import refuse
from addons.settings import Settings
from translators.model import Failure
from translators.routes import Call, recognise

log = logging.getLogger(__name__)

OPEN = frozenset({"banner", "health"})
"""Operations that need no key."""

_LOCAL_NAMES = frozenset({"host.docker.internal", "gateway.docker.internal", "host.containers.internal"})
"""Names under which containers reach the loopback of their host; no web page can make them mean anything else."""


class Guard:
    """Refuses in the dialect of the route."""

    def __init__(self, settings: Settings, terms: Terms, exchanges: Exchanges, passes: Passes | None = None) -> None:
        """passes: of requests that this process sends to itself."""
        self.settings = settings
        self.passes = passes or Passes()
        self.terms = terms
        self.exchanges = exchanges

    def requestheaders(self, flow: HTTPFlow) -> None:
        """Before the body is read."""
        arrival = self.terms.arrivals.pop(id(flow.request), None)
        if arrival is None or flow.response is not None or not flow.live:
            return
        request = flow.request
        path, asked, _ = request.path.partition("?")
        call = recognise(request.method, path, request.query if asked else {}, arrival.headers)
        self.exchanges.arrive(flow, call, arrival.headers)
        try:
            failure = self._why_not(flow, call, arrival)
        except Exception:  # mitmproxy would log it and let the request pass
            log.exception("a request that cannot be judged is refused")
            failure = Failure(kind="server", message="this request could not be judged", origin="cliproxy")
        if failure is not None:
            refuse(flow, call, failure)

    def _why_not(self, flow: HTTPFlow, call: Call, arrival: Arrival) -> Failure | None:
        runtime = self.settings.runtime
        presented, headers = arrival
        if runtime.config.tls.enable and not flow.client_conn.tls_established:
            return _refused("this port speaks HTTPS: use https://", "tls_required")
        here = ctx.options.listen_host or runtime.config.host
        if is_loopback(here) and not _is_ours(headers.get("host", flow.request.authority)):
            return _refused(f"the Host {headers.get('host', '')!r} is not this proxy's", "host_refused")
        origin = headers.get("origin", "")
        if origin and not _is_local_origin(origin):
            return _refused(f"requests from the web page {origin!r} are refused", "origin_refused")
        if headers.get("sec-fetch-site", "") == "cross-site":
            return _refused("cross-site requests of web pages are refused", "origin_refused")
        again = self.passes.redeem(presented)
        if again is not None:
            flow.metadata[AGAIN] = {"of": again.of, "avoid": [list(pair) for pair in again.avoid]}
            if again.caller:
                flow.metadata["cliproxy.caller"] = again.caller
            return None
        if not runtime.keys or call.operation in OPEN or flow.request.method == "OPTIONS":
            return None
        who = runtime.keys.who(presented)
        if who is None:
            said = "is not one of this proxy's `api-keys`" if presented else "is missing"
            message = f"the API key {said}; it may stand in Authorization, x-api-key, x-goog-api-key or ?key="
            return Failure(kind="auth", message=message, origin="cliproxy")
        flow.metadata["cliproxy.caller"] = who
        return None


@lru_cache(maxsize=256)
def _is_ours(host: str) -> bool:
    name = _hostname(f"//{host}")
    return is_loopback(name) or name in _LOCAL_NAMES


def _hostname(url: str) -> str:
    """The host of a URL, "" if it has none or cannot be read."""
    try:
        parts = urlsplit(url)
        return "" if "@" in parts.netloc else parts.hostname or ""
    except ValueError:
        return ""


def _is_local_origin(origin: str) -> bool:
    """Pages served from this machine, and applications that are no web pages (editors, desktop programs)."""
    scheme, marked, _ = origin.lower().partition("://")
    if scheme in ("http", "https"):
        return is_loopback(_hostname(origin))
    return bool(marked) and scheme not in ("", "file")


def _refused(message: str, code: str) -> Failure:
    return Failure(kind="permission", message=message, code=code, origin="cliproxy")
