"""The addon that puts our HTTP layer under each client connection, and tells it what it must know."""

import logging
import math
import secrets
from typing import NamedTuple

from mitmproxy import ctx, http
from mitmproxy.net.tls import starts_like_tls_record
from mitmproxy.proxy import layer, tunnel
from mitmproxy.proxy.layers import ClientTLSLayer, modes
from mitmproxy.proxy.mode_specs import ReverseMode
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.tls import ClientHelloData, TlsData
from OpenSSL import SSL

from addons import client_keys
from addons.engine import lean
from addons.engine.layer import ExchangeLayer
from addons.exchanges import Exchange, Exchanges
from addons.settings import Settings
from providers.address import HOP_BY_HOP
from translators.events import Failed
from translators.gemini import ARRAY_TYPE
from translators.model import Failure

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
LARGEST_BODY = 128 * 1024 * 1024
"""Bytes of a request; every vendor refuses smaller ones."""

_NOT_PASSED = HOP_BY_HOP | {"set-cookie", "content-length", "content-encoding", "content-type", "cache-control", "date"}
_ALWAYS_PASSED = ("request-id", "x-request-id")


class Limits(NamedTuple):
    """Seconds; infinity where there is no limit. keepalive 0: none."""

    first_byte: float
    idle: float
    keepalive: float


class Engine:
    """Puts ExchangeLayer under every client connection of a reverse-mode listener."""

    def __init__(self, exchanges: Exchanges, settings: Settings) -> None:
        self.exchanges = exchanges
        self.settings = settings
        self.presented: dict[int, tuple[str, ...]] = {}
        """Keys that a request brought, by id() of the request, until Guard takes them out."""
        self.largest_body = LARGEST_BODY

    # --- hooks ------------------------------------------------------------------------------------------------------

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
        stack /= ExchangeLayer(context, self)
        nextlayer.layer = stack[0]

    def running(self) -> None:
        """Make mitmproxy lean, where the config does not forbid it."""
        measures = lean.apply(ctx.master, lean=self.settings.runtime.config.engine.lean)
        log.debug("lean: %s", ", ".join(measures) or "nothing applied")

    def done(self) -> None:
        """Put mitmproxy back as it was."""
        lean.undo()

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

    # --- what streams ask -------------------------------------------------------------------------------------------

    @property
    def tick_seconds(self) -> float:
        """How often silence is looked at: a second, or finer where the config has limits below two."""
        config = self.settings.runtime.config
        finest = [config.streaming.keepalive_seconds, config.engine.first_byte_timeout_seconds]
        finest += [config.engine.idle_timeout_seconds, config.engine.connect_timeout_seconds]
        return max(0.05, min([TICK_SECONDS, *(limit / 2 for limit in finest if limit > 0)]))

    @property
    def connect_seconds(self) -> float:
        """How long a connection may take; 0: as long as it likes."""
        return self.settings.runtime.config.engine.connect_timeout_seconds

    def limits(self, exchange: Exchange) -> Limits:
        """The time-outs of an exchange, from the config it began with."""
        config = exchange.runtime.config
        keepalive = config.streaming.keepalive_seconds if exchange.asked.stream else config.nonstream_keepalive_interval
        engine = config.engine
        return Limits(engine.first_byte_timeout_seconds or math.inf, engine.idle_timeout_seconds or math.inf, keepalive)

    def take_keys(self, request: http.Request) -> None:
        """Mask the keys a request brings before any addon, view or log can see them; Guard gets them from here."""
        self.presented[id(request)] = client_keys.take(request)

    def stream_head(self, exchange: Exchange) -> http.Response:
        """Status line and headers of a stream, or of a whole body whose client is kept awake."""
        headers = http.Headers(content_type="application/json", cache_control="no-cache")
        if exchange.asked.stream:
            headers["content-type"] = ARRAY_TYPE if exchange.asked.array else exchange.client.stream_type
            headers["x-accel-buffering"] = "no"
        self._pass_headers(exchange, headers)
        request = exchange.flow.request
        if request.http_version == "HTTP/1.1":
            headers["transfer-encoding"] = "chunked"
        elif not request.is_http2:
            headers["connection"] = "close"
        response = http.Response.make(200, b"", headers)
        response.headers.pop("content-length", None)
        response.http_version = request.http_version
        return response

    def whole_head(self, exchange: Exchange, body: bytes) -> http.Response:
        """A whole answer."""
        headers = http.Headers(content_type="application/json")
        self._pass_headers(exchange, headers)
        return http.Response.make(200, body, headers)

    def _pass_headers(self, exchange: Exchange, headers: http.Headers) -> None:
        everything = exchange.runtime.config.passthrough_headers
        for name, value in exchange.attempt.answer_headers if exchange.attempts else ():
            lower = name.lower()
            if (everything and lower not in _NOT_PASSED and lower not in headers) or lower in _ALWAYS_PASSED:
                headers[name] = value

    def refusal(self, exchange: Exchange, failure: Failure) -> http.Response:
        """An error as a status and a body of the client's dialect."""
        status, body = exchange.client.write_failure(failure, exchange.asked)
        return failure_response(status, body, failure)

    def late_failure(self, exchange: Exchange, failure: Failure) -> bytes:
        """The same for a client that has a status 200 already, but nothing of an answer."""
        if not exchange.asked.stream:
            return exchange.client.write_failure(failure, exchange.asked)[1]
        return exchange.client.stream_writer(exchange.asked).write([Failed(failure)])


def failure_response(status: int, body: bytes, failure: Failure) -> http.Response:
    """The HTTP response of a failure, with what of the upstream's headers the client should see."""
    headers = http.Headers(content_type="application/json")
    for name, value in failure.headers.items():
        if name.lower() not in _NOT_PASSED:
            headers[name] = value
    if failure.retry_after is not None:
        headers["retry-after"] = str(math.ceil(failure.retry_after))
    return http.Response.make(status, body, headers)


def fresh_seed() -> str:
    """A few hex digits, unique to an exchange, from which ids are made."""
    return secrets.token_hex(8)


def _select_alpn(connection: SSL.Connection, offers: list[bytes]) -> bytes:
    return b"http/1.1" if b"http/1.1" in offers or not offers else offers[0]
