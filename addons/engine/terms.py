"""What streams must know of the config and the client: limits, heads of answers, refusals."""

import math
import secrets
import time
from collections.abc import Callable
from typing import NamedTuple

from mitmproxy import http
from mitmproxy.net.encoding import encode

from addons.client_keys import Arrival, take
from addons.engine.decoding import decode_body
from addons.exchanges import Exchange, Exchanges
from addons.inspection.redaction import Redactor
from addons.settings import Settings
from providers.address import HOP_BY_HOP
from translators.events import Failed
from translators.gemini import ARRAY_TYPE
from translators.model import Failure

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


class Terms:
    """Asked by every stream; no addon itself (mitmproxy looks at each attribute of an addon when it is loaded)."""

    def __init__(self, exchanges: Exchanges, settings: Settings) -> None:
        self.exchanges = exchanges
        self.settings = settings
        self.arrivals: dict[int, Arrival] = {}
        """What requests brought, by id() of the request, until Guard takes it."""
        self.largest_body = LARGEST_BODY
        self.choose: Callable[[Exchange], bool] = lambda _exchange: False
        """Who shall try next, if that can be said at once. False: the hook `cliproxy_attempt` says it, and may wait."""

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
        self.arrivals[id(request)] = take(request)

    def shown_request(self, request: http.Request, body: bytes) -> bytes:
        """What a flow shows of a request's body: the same object where nothing has to be hidden."""
        encoding = request.headers.get("content-encoding", "")
        if not encoding or not body:
            return self.redactor.body(body)
        try:
            plain = decode_body(body, encoding, LARGEST_BODY)
        except ValueError:
            return body  # nobody can read it, and the client will hear so
        shown = self.redactor.body(plain)
        if shown is plain:
            return body
        try:
            return encode(shown, encoding)
        except ValueError:  # several encodings, or one by an old name
            return shown

    def stream_head(self, exchange: Exchange) -> http.Response:
        """Status line and headers of a stream, or of a whole body whose client is kept awake."""
        kind = "application/json"
        if exchange.asked.stream:
            kind = ARRAY_TYPE if exchange.asked.array else exchange.client.stream_type
        headers = http.Headers(((b"content-type", kind.encode()), (b"cache-control", b"no-cache")))
        if exchange.asked.stream:
            headers.add("x-accel-buffering", "no")
        self._pass_headers(exchange, headers)
        version = exchange.flow.request.data.http_version
        if version == b"HTTP/1.1":
            headers.add("transfer-encoding", "chunked")
        elif version == b"HTTP/1.0":
            headers.add("connection", "close")
        return http.Response(version, 200, b"OK", headers, None, None, time.time(), None)

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
                headers[name] = self.redactor.text(value)

    @property
    def redactor(self) -> Redactor:
        """What may be seen of what is said."""
        return self.settings.runtime.redactor

    def without_secrets(self, failure: Failure, said: bytes) -> tuple[Failure, bytes]:
        """A broken answer's failure and last words, without keys that the upstream may have repeated."""
        masker = self.redactor.masker
        return masker.failure(failure), masker.known(said)

    def refusal(self, exchange: Exchange, failure: Failure) -> http.Response:
        """An error as a status and a body of the client's dialect."""
        failure = self.redactor.masker.failure(failure)
        status, body = exchange.client.write_failure(failure, exchange.asked)
        return failure_response(status, body, failure)

    def late_failure(self, exchange: Exchange, failure: Failure) -> bytes:
        """The same for a client that has a status 200 already, but nothing of an answer."""
        failure = self.redactor.masker.failure(failure)
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
