"""One exchange on the wire: attempts, failover, the answer as it comes, silence, and every way of ending.

mitmproxy's own stream sends a request once and passes on what comes back. This one asks its addons who shall try
(`cliproxy_attempt`),
sends a copy of the request that carries the secret, and shows the client nothing until the answer has *committed*.
Whatever goes wrong
before that (refused, TLS, DNS, closed, an error status, too late, an error as the first event of a stream) leads to
the next attempt;
whatever goes wrong after it ends in an error event of the client's dialect.

    request complete → attempt → sent → headers → [error status → body] → answer → done
                          ↑______________|____________|__________________|

`flow.request` is what the client sent (its key masked), `flow.response` what the client got. The client side of a
stream id is
`self.stream_id`, the upstream side `self.wire_id`.
"""

import math
import time
from typing import TYPE_CHECKING

from mitmproxy import flow, http
from mitmproxy.connection import Server
from mitmproxy.proxy import events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import (
    DropStream,
    SendHttp,
)
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    HttpEvent,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    ResponseTrailers,
)
from mitmproxy.proxy.layers.http._hooks import HttpErrorHook

from addons.engine import faults
from addons.engine.client_side import ClientSide
from addons.engine.connect import Connect
from addons.engine.decoding import Decoder, decoder
from addons.engine.error_answer import ErrorAnswer
from addons.engine.hooks import CliproxyAttemptHook, CliproxyChunkHook
from addons.exchanges import Exchange, Wire
from translators.model import Failure
from translators.pump import Pump

if TYPE_CHECKING:
    from addons.engine.layer import ExchangeLayer

AFTER_THE_END = 5.0
"""Seconds an upstream may keep its connection open after it has said its last event."""

IDLE_SECONDS = 2.0
"""A connection that was idle for longer may have been closed by its owner just as we sent."""


class ExchangeStream(ClientSide):
    """One request of a client, from its headers to the last byte of its answer."""

    def __init__(self, context: Context, stream_id: int, parent: "ExchangeLayer") -> None:
        super().__init__(context, stream_id, parent.terms)
        self.parent = parent
        self.wire_id = 0  # 0: nothing is under way upstream
        self.upstream: Server | None = None
        self.pump: Pump | None = None
        self._decoder: Decoder | None = None
        self._resent = False
        self._sent = 0.0  # when the latest attempt was sent
        self._heard = 0.0  # when the upstream last said something

    # --- events -----------------------------------------------------------------------------------------------------

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, HttpEvent):
            if isinstance(event, ResponseHeaders | ResponseData | ResponseTrailers | ResponseEndOfMessage):
                if event.stream_id == self.wire_id:
                    self._heard = time.monotonic()
                    yield from self.server_state(event)
            elif isinstance(event, ResponseProtocolError):
                if event.stream_id == self.wire_id:
                    yield from self._upstream_broke(event)
            elif isinstance(event, RequestProtocolError):
                yield from self._client_gone(event.message)
            else:
                yield from super()._handle_event(event)
        elif isinstance(event, events.Start):
            yield from super()._handle_event(event)
        else:
            yield from self._tick(event.now)  # type: ignore[attr-defined]  # a Tick: nothing else is sent to a stream

    # --- attempts ---------------------------------------------------------------------------------------------------

    def _attempt(self) -> layer.CommandGenerator[None]:
        """Try, until something has been sent upstream or the client has been told."""
        while True:
            exchange = self.terms.exchanges.get(self.flow)
            if self.flow.response is None and exchange is not None:
                # A retry goes by the hook: mitmproxy must have done with the upstream's last event before more is sent.
                if exchange.attempts or not self.terms.choose(exchange):
                    yield CliproxyAttemptHook(self.flow)
                if (yield from self.check_killed(True)):
                    return
            if self.flow.response is not None or exchange is None:
                yield from self._answer_here()
                return
            if exchange.refusal is not None or exchange.wire is None:
                yield from self._refuse(exchange)
                return
            wire, exchange.wire = exchange.wire, None
            self._decoder, self._resent = None, False
            if wire.chunks is not None:
                yield from self._local(exchange, wire)
                return
            if (yield from self._send(exchange, wire)):
                return
            if self.client_state == self.state_errored:
                return

    def _send(self, exchange: Exchange, wire: Wire) -> layer.CommandGenerator[bool]:
        """Connect and send. False: the attempt failed (its failure is recorded), or the client is gone."""
        wanted = Connect((wire.host, wire.port), wire.scheme == "https", wire.via, since=time.monotonic())
        connection, error = self.parent.idle_connection(wanted), None
        if connection is None:
            connection, error = yield wanted
            if (yield from self.check_killed(True)):
                return False
        if error is not None:
            exchange.attempt.failure = faults.unreachable(wire, error)
            return False
        self.upstream = self.context.server = self.flow.server_conn = connection
        self.wire_id = self.parent.open_wire(self)
        self._wire = wire
        self._heard = self._sent = time.monotonic()
        self.server_state = self._await_headers
        now = time.time()
        request = http.Request(
            wire.host,
            wire.port,
            b"POST",
            wire.scheme.encode(),
            b"",
            wire.path.encode(),
            b"HTTP/1.1",
            http.Headers(wire.headers),
            None,
            None,
            now,
            now,
        )
        if connection.alpn == b"h2":
            request.http_version = "HTTP/2.0"
            request.authority = request.headers.pop("host", wire.host)
        yield SendHttp(RequestHeaders(self.wire_id, request, not wire.body), connection)
        if wire.body:
            yield SendHttp(RequestData(self.wire_id, wire.body), connection)
        yield SendHttp(RequestEndOfMessage(self.wire_id), connection)
        return True

    def _next(self, exchange: Exchange, failure: Failure, *, cancel: bool) -> layer.CommandGenerator[None]:
        """The attempt failed before the client saw anything of it: on to the next."""
        exchange.attempt.failure = failure
        yield from self._leave_upstream(cancel=cancel)
        yield from self._attempt()

    def _leave_upstream(self, *, cancel: bool) -> layer.CommandGenerator[None]:
        """Have done with the upstream side. `cancel`: it is still talking."""
        wire_id, self.wire_id = self.wire_id, 0
        self.pump = None
        self.server_state = self.state_uninitialized
        if wire_id:
            self.parent.close_wire(wire_id)
            if self.upstream is not None and self.upstream.id in self.parent.used:
                self.parent.used[self.upstream.id] = time.monotonic()
            if cancel and self.upstream is not None:
                reason = RequestProtocolError(wire_id, "no longer wanted", ErrorCode.CANCEL)
                yield SendHttp(reason, self.upstream)

    # --- the answer -------------------------------------------------------------------------------------------------

    def _await_headers(self, event: HttpEvent) -> layer.CommandGenerator[None]:
        if not isinstance(event, ResponseHeaders):
            return
        exchange = self.terms.exchanges.get(self.flow)
        if exchange is None or self.upstream is None:
            return
        response = event.response
        self.parent.used[self.upstream.id] = time.monotonic()
        attempt = exchange.attempt
        attempt.status = response.status_code
        attempt.answer_headers = list(response.headers.items(multi=True))
        try:
            self._decoder = decoder(response.headers.get("content-encoding", ""))
        except ValueError as error:
            failure = Failure(kind="upstream", message=f"{attempt.url} answered with {error}")
            yield from self._next(exchange, failure, cancel=not event.end_stream)
            return
        kind = response.headers.get("content-type", "")
        if not 200 <= response.status_code < 300 or "html" in kind:
            self._error = ErrorAnswer(attempt, self._decoder)
            self.server_state = self._collect_error
            return
        self.pump = exchange.pump = self._wire.make_pump("event-stream" in kind)
        self.server_state = self._take_answer

    def _collect_error(self, event: HttpEvent) -> layer.CommandGenerator[None]:
        """Read the body of an error status, so that its words are kept and the connection can be used again."""
        exchange = self.terms.exchanges.get(self.flow)
        if exchange is None:
            return
        if isinstance(event, ResponseData):
            self._error.add(event.data)
        whole = isinstance(event, ResponseEndOfMessage)
        if whole or self._error.full:
            yield from self._next(exchange, self._error.failure(self._wire), cancel=not whole)

    def _take_answer(self, event: HttpEvent) -> layer.CommandGenerator[None]:
        exchange, pump = self.terms.exchanges.get(self.flow), self.pump
        if exchange is None or pump is None:
            return
        if isinstance(event, ResponseData):
            yield from self._take(exchange, pump, event.data)
        elif isinstance(event, ResponseEndOfMessage):
            yield from self._leave_upstream(cancel=False)
            yield from self._finish(exchange, pump, None)

    def _take(self, exchange: Exchange, pump: Pump, data: bytes) -> layer.CommandGenerator[None]:
        attempt = exchange.attempt
        if not attempt.first_byte:
            attempt.first_byte = time.time()
        attempt.raw.add(data)
        if self._decoder is not None:
            try:
                data = self._decoder.decode(data)
            except ValueError as error:
                yield from self._leave_upstream(cancel=True)
                failure = Failure(kind="upstream", message=f"{attempt.url}: {error}")
                yield from self._finish(exchange, pump, failure)
                return
            if not data:
                return
        said = pump.feed(data)
        broken = pump.failure
        if broken is not None:
            broken, said = self.terms.without_secrets(broken, said)
        if said:
            yield from self._say(exchange, said)
        if broken is not None:
            if not pump.committed:
                yield from self._next(exchange, broken, cancel=True)
            else:
                yield from self._leave_upstream(cancel=True)
                yield from self._end_broken(exchange, broken)

    def _finish(self, exchange: Exchange, pump: Pump, cause: Failure | None) -> layer.CommandGenerator[None]:
        """The upstream is done (or broke off for `cause`): say what is left, or try elsewhere."""
        said = pump.finish(cause)
        failure = pump.failure
        if failure is not None:
            failure, said = self.terms.without_secrets(failure, said)
        if failure is not None and not pump.committed:
            exchange.attempt.failure = failure
            yield from self._attempt()
            return
        if said or not self.spoken:
            yield from self._say(exchange, said)
        if failure is not None:
            yield from self._end_broken(exchange, failure)
        else:
            yield from self._end(exchange)

    def _upstream_broke(self, event: ResponseProtocolError) -> layer.CommandGenerator[None]:
        """The upstream's connection died, or its stream was reset."""
        exchange = self.terms.exchanges.get(self.flow)
        if exchange is None:
            return
        attempt = exchange.attempt
        failure = Failure(
            kind="upstream", message=f"{attempt.url} broke off: {event.message}", origin="cliproxy", code="closed"
        )
        pump = self.pump
        stale = (
            pump is None
            and not attempt.status
            and not self._resent
            and self.upstream is not None
            and self._sent - self.parent.used.get(self.upstream.id, math.inf) > IDLE_SECONDS
        )
        yield from self._leave_upstream(cancel=False)
        if stale:  # an idle connection that its owner closed as we sent: no fault of the credential's
            self._resent = True
            if not (yield from self._send(exchange, self._wire)) and self.client_state != self.state_errored:
                yield from self._attempt()
        elif pump is None:
            exchange.attempt.failure = failure
            yield from self._attempt()
        else:
            yield from self._finish(exchange, pump, failure)

    def _local(self, exchange: Exchange, wire: Wire) -> layer.CommandGenerator[None]:
        """An answer made in this process (demo, log tail, relay), chunk by chunk."""
        pump = self.pump = exchange.pump = wire.make_pump(wire.streamed)
        exchange.attempt.status, exchange.source = 200, wire.chunks
        while True:
            yield CliproxyChunkHook(self.flow)
            if (yield from self.check_killed(True)):
                return
            chunk = exchange.chunk
            if chunk is None:
                break
            yield from self._take(exchange, pump, chunk)
            if self.client_state == self.state_errored or pump.failure is not None:
                return
        yield from self._finish(exchange, pump, None)

    # --- the client leaves, and time passes ---------------------------------------------------------------------------

    def _client_gone(self, message: str) -> layer.CommandGenerator[None]:
        over = self.server_state in (self.state_done, self.state_errored) or self.client_state == self.state_errored
        yield from self._leave_upstream(cancel=True)
        self.client_state = self.server_state = self.state_errored
        if not over and hasattr(self, "flow"):
            exchange = self.terms.exchanges.get(self.flow)
            if exchange is not None and self.flow.response is not None:
                self.flow.response.data.content = self.terms.redactor.kept(exchange.emitted.bytes())
            self.flow.error = flow.Error(message)
            yield from self._hook(HttpErrorHook(self.flow))
            self.flow.live = False
        yield DropStream(self.stream_id)

    def check_killed(self, emit_error_hook: bool) -> layer.CommandGenerator[bool]:
        """mitmproxy's own check, after which the upstream side is closed too."""
        killed = yield from super().check_killed(emit_error_hook)
        if killed:
            yield from self._leave_upstream(cancel=True)
            self.client_state = self.server_state = self.state_errored
            yield DropStream(self.stream_id)
        return killed

    def _tick(self, now: float) -> layer.CommandGenerator[None]:
        if not hasattr(self, "flow") or self.client_state != self.state_done:
            return
        exchange = self.terms.exchanges.get(self.flow)
        if exchange is None:
            return
        limits = self.terms.limits(exchange)
        if self.wire_id:
            silent = now - self._heard
            attempt = exchange.attempt
            if self.pump is None or not attempt.first_byte:
                if silent > limits.first_byte:
                    failure = faults.late(f"{attempt.url} gave no answer within {limits.first_byte:g} s")
                    yield from self._next(exchange, failure, cancel=True)
                    return
            elif silent > (AFTER_THE_END if self.pump.ended else limits.idle):
                pump = self.pump
                failure = faults.late(f"{attempt.url} fell silent for {limits.idle:g} s")
                yield from self._leave_upstream(cancel=True)
                yield from self._finish(exchange, pump, failure)
                return
        if limits.keepalive > 0 and now - self._said >= limits.keepalive:
            yield from self._ping(exchange, self.pump)
