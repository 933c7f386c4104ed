"""Where we listen: reverse mode on the config's host and port, and nothing else.

With `-s`, mitmproxy begins to set up its servers one loop tick before it loads scripts, so a bare `mitmdump -s
addons/cliproxy.py` starts to open a forward proxy on *:8080. It is replaced here as soon as we are loaded; what it may
have accepted in that millisecond is turned away, and if port 8080 was busy that is nobody's business. `scripts/serve`
passes the mode itself and has no such moment.
"""

import asyncio
import logging

from mitmproxy import ctx
from mitmproxy.connection import Client
from mitmproxy.proxy import mode_specs

from addons.config.listen import EVERYWHERE, busy
from addons.settings import Settings

log = logging.getLogger(__name__)


def shown_host(host: str) -> str:
    """A listen host as it stands in an address that a client on this machine can use."""
    if host in EVERYWHERE:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def own_url(settings: Settings) -> str:
    """The address, without a path, at which programs on this machine reach us."""
    scheme = "https" if settings.runtime.config.tls.enable else "http"
    return f"{scheme}://{shown_host(ctx.options.listen_host)}:{ctx.options.listen_port}"


class _Hush(logging.Filter):
    """Holds back what mitmproxy says of its servers while they start: one of them is the stray, and the greeting tells
    where we listen. Errors of our own server pass.
    """

    LOGGERS = ("mitmproxy.addons.proxyserver", "mitmproxy.proxy.mode_servers")

    def filter(self, record: logging.LogRecord) -> bool:
        """Let pass errors about reverse mode."""
        return record.levelno >= logging.ERROR and "reverse" in record.getMessage()

    def begin(self) -> None:
        """From now on."""
        for name in self.LOGGERS:
            logging.getLogger(name).addFilter(self)

    def end(self) -> None:
        """Hold back nothing any more."""
        for name in self.LOGGERS:
            logging.getLogger(name).removeFilter(self)


class Listen:
    """Sets mode, address and the options that the engine relies on."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._set = False
        self._task: asyncio.Task[None] | None = None
        self._hush = _Hush()
        self.ready = asyncio.Event()
        """Set when our port is open."""

    def configure(self, _updated: set[str]) -> None:
        """Once, as soon as there is a config. Without a server (-n) nothing is changed but what the engine needs."""
        if self._set:
            return
        self._set = True
        config, options = self.settings.runtime.config, ctx.options
        explicit = options._options["mode"].has_changed()
        # lazy: the target is never dialled. The Host header is the client's: Guard looks at it.
        # onboarding: the certificate page is for forward proxies, and its addon makes every request wait for a turn.
        changes: dict[str, object] = {
            "connection_strategy": "lazy",
            "keep_host_header": True,
            "onboarding": False,
        }
        if not options.listen_host:
            changes["listen_host"] = config.host
        if options.listen_port is None:
            changes["listen_port"] = config.port
        options.update(**changes)
        server = ctx.master.addons.get("proxyserver")
        if not options.server or server is None:
            return
        self._hush.begin()
        if explicit or self.settings.broken:
            return
        # Reverse mode wants a target; each request has its own, so this one is never dialled. Our own address, because
        # flows that are read from a file are shown with it, and a replay should come to us.
        options.update(mode=[f"reverse:http://{shown_host(options.listen_host)}:{options.listen_port}"])
        if why := busy(options.listen_host, options.listen_port):
            log.error("cliproxy does not start: %s Another port: --listen-port N", why)
        else:
            self._task = asyncio.get_running_loop().create_task(self._replace(server))

    def running(self) -> None:
        """mitmproxy has set up the servers it was told of; ours is among them unless we replace it ourselves."""
        if self._task is None:
            self._hush.end()
            self.ready.set()

    async def _replace(self, server: object) -> None:
        servers = server.servers  # type: ignore[attr-defined]
        while servers.is_updating:  # the start that we overtake is under way; its lock is ours next
            await asyncio.sleep(0)
        modes = [mode_specs.ProxyMode.parse(mode) for mode in ctx.options.mode]
        await servers.update(modes)
        self._hush.end()
        if any(instance.listen_addrs for instance in servers):  # its answer also counts how the stray one fared
            self.ready.set()
        else:
            log.error("cliproxy cannot listen on %s:%s", ctx.options.listen_host, ctx.options.listen_port)
            ctx.master.shutdown()

    def done(self) -> None:
        """The script is taken out."""
        self._hush.end()

    def client_connected(self, client: Client) -> None:
        """Turn away whoever came through the listener that was never meant to be."""
        if not isinstance(client.proxy_mode, mode_specs.ReverseMode):
            client.error = "cliproxy serves its own port only"
