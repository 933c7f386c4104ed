"""The addon that puts our HTTP layer under each client connection, and tells it what it must know."""

import asyncio
import logging
from collections import defaultdict

from mitmproxy import ctx
from mitmproxy.connection import Client
from mitmproxy.net.tls import starts_like_tls_record
from mitmproxy.proxy import layer, tunnel
from mitmproxy.proxy.layers import ClientTLSLayer, modes
from mitmproxy.proxy.mode_specs import ReverseMode
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.tls import ClientHelloData, TlsData
from OpenSSL import SSL

from addons.engine import lean
from addons.engine.layer import ExchangeLayer
from addons.engine.terms import Terms
from addons.settings import Settings

log = logging.getLogger(__name__)

CONNECTIONS = 256
"""Of one client to one address: more than the streams of an HTTP/2 client (100) and the hosts behind a proxy."""


class Engine:
    """Puts ExchangeLayer under every client connection of a reverse-mode listener."""

    def __init__(self, settings: Settings, terms: Terms) -> None:
        self.settings = settings
        self.terms = terms

    def next_layer(self, nextlayer: layer.NextLayer) -> None:
        """Called when a connection's next layer must be chosen; mitmproxy's own choice may have been made already."""
        context = nextlayer.context
        if not isinstance(context.client.proxy_mode, ReverseMode) or not context.layers:
            return
        if not isinstance(context.layers[0], modes.ReverseProxy):
            return
        del context.layers[1:]  # what mitmproxy's own NextLayer addon, which ran before us, has put there
        stack = tunnel.LayerStack()
        if starts_like_tls_record(nextlayer.data_client()):
            stack /= ClientTLSLayer(context)
        stack /= ExchangeLayer(context, self.terms)
        nextlayer.layer = stack[0]

    def running(self) -> None:
        """Make mitmproxy lean, where the config does not forbid it."""
        measures = lean.apply(ctx.master, lean=self.settings.runtime.config.engine.lean)
        log.debug("lean: %s", ", ".join(measures) or "nothing applied")

    def done(self) -> None:
        """Put mitmproxy back as it was."""
        lean.undo()

    def client_connected(self, client: Client) -> None:
        """Give a client as many upstream connections as its requests may need.

        mitmproxy lets it have five to an address, for as long as they are open. Behind a `proxy-url` all upstreams have
        one address: the sixth would never come.
        """
        handler = ctx.master.addons.get("proxyserver").connections.get(client.id)
        if handler is not None and isinstance(client.proxy_mode, ReverseMode):
            handler.max_conns = defaultdict(lambda: asyncio.Semaphore(CONNECTIONS))

    def tls_clienthello(self, data: ClientHelloData) -> None:
        """Never dial an upstream because a client says hello."""
        data.establish_server_tls_first = False

    def tls_start_client(self, data: TlsData) -> None:
        """Serve with the certificate of the config, where `tls.enable` asks for it."""
        tls = self.settings.runtime.config.tls
        if data.ssl_conn is None and tls.enable and isinstance(data.context.client.proxy_mode, ReverseMode):
            context = SSL.Context(SSL.TLS_SERVER_METHOD)
            context.use_certificate_chain_file(tls.cert)
            context.use_privatekey_file(tls.key)
            context.set_alpn_select_callback(_select_alpn)
            data.ssl_conn = SSL.Connection(context)
            data.ssl_conn.set_accept_state()

    def server_connect(self, data: ServerConnectionHookData) -> None:
        """Offer HTTP/2 upstream, which mitmproxy does only when the client speaks it."""
        if isinstance(data.client.proxy_mode, ReverseMode) and self.settings.http2 and not data.server.alpn_offers:
            data.server.alpn_offers = (b"h2", b"http/1.1")


def _select_alpn(connection: SSL.Connection, offers: list[bytes]) -> bytes:
    return b"http/1.1" if b"http/1.1" in offers or not offers else offers[0]
