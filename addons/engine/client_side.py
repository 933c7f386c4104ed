"""The client's side of a stream: its request, what is said to it, and the four ways in which that ends.

_say … _end          a stream, or a whole body kept awake while it was made
_end                 a whole body
_end_broken          an error event inside a stream; the flow is marked as failed
_refuse              an error as a status, or inside a stream if the status has left already
"""

import time

from mitmproxy import flow, http
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.commands import StartHook
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import DropStream, HttpStream, SendHttp
from mitmproxy.proxy.layers.http._events import (
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestTrailers,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
)
from mitmproxy.proxy.layers.http._hooks import HttpErrorHook, HttpRequestHook, HttpResponseHeadersHook

from addons.engine import lean
from addons.engine.hooks import CliproxyResumeHook
from addons.engine.terms import Terms
from addons.exchanges import Exchange
from translators.model import Failure
from translators.pump import Pump


class ClientSide(HttpStream):
    """Knows nothing of upstreams."""

    def __init__(self, context: Context, stream_id: int, terms: Terms) -> None:
        super().__init__(context, stream_id)
        self.terms = terms
        self.spoken = False  # the client has the status line
        self._said = 0.0  # when the client last got something (monotonic)
        self._whole = b""
        self._hidden = b"", b""  # of a whole answer: what the flow shows, what is sent
        self._request_size = 0

    # --- in ---------------------------------------------------------------------------------------------------------

    def state_wait_for_request_headers(self, event: RequestHeaders) -> layer.CommandGenerator[None]:
        """Take the client's keys out of the request before anybody can see it."""
        self.terms.take_keys(event.request)
        yield from self._with_hooks(super().state_wait_for_request_headers(event))
        if self.client_state == self.state_consume_request_body and self._declared() > self.terms.largest_body:
            self.flow.metadata["cliproxy.oversize"] = self._declared()
            self.client_state = self.state_done
            yield from self._hook(
                HttpRequestHook(self.flow)
            )  # answered without the body: nobody waits for what will not be taken
            if not (yield from self.check_killed(True)):
                yield from self._answer_here()
                yield commands.CloseConnection(self.context.client)

    def _declared(self) -> int:
        """Bytes of body that the client has announced."""
        length = self.flow.request.headers.get("content-length", "")
        return int(length) if length.isdecimal() else 0

    def state_consume_request_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Collect the client's body; what is over the limit is counted and thrown away."""
        if isinstance(event, RequestData):
            self._request_size += len(event.data)
            if self._request_size <= self.terms.largest_body:
                self.request_body_buf += event.data
            else:
                self.request_body_buf.clear()
        elif isinstance(event, RequestTrailers):
            self.flow.request.trailers = event.trailers
        elif isinstance(event, RequestEndOfMessage):
            self.flow.request.timestamp_end = time.time()
            body = bytes(self.request_body_buf)
            self.request_body_buf.clear()
            self.flow.request.data.content = shown = self.terms.shown_request(self.flow.request, body)
            if shown is not body:
                self.terms.exchanges.hide(self.flow, shown, body)
            if self._request_size > self.terms.largest_body:
                self.flow.metadata["cliproxy.oversize"] = self._request_size
            self.client_state = self.state_done
            yield from self._hook(HttpRequestHook(self.flow))
            if (yield from self.check_killed(True)):
                return
            self._said = time.monotonic()
            yield from self._attempt()

    def _attempt(self) -> layer.CommandGenerator[None]:
        """Where the request goes once it is complete: the subclass knows."""
        yield from ()

    # --- out --------------------------------------------------------------------------------------------------------

    def _hook(self, hook: StartHook) -> layer.CommandGenerator[None]:
        """Let the addons see something: at once where that can be, else by mitmproxy's way of tasks and turns."""
        if not lean.fire(hook):
            yield hook
        elif self.flow.intercepted:
            yield CliproxyResumeHook(self.flow)

    def _with_hooks(self, steps: layer.CommandGenerator[None]) -> layer.CommandGenerator[None]:
        """The same for the hooks of a method of mitmproxy's own that gives no other commands to wait for."""
        for step in steps:
            if isinstance(step, StartHook):
                yield from self._hook(step)
            else:
                yield step

    def send_response(self, already_streamed: bool = False) -> layer.CommandGenerator[None]:
        """mitmproxy's own: the response hook, and what has not been sent yet: what was meant, not what the flow shows,
        unless somebody has put something else in its place.
        """
        for step in super().send_response(already_streamed):
            if not isinstance(step, StartHook):
                yield step
                self._show_response()  # mitmproxy has taken the body by now
                continue
            yield from self._hook(step)
            response, (shown, meant) = self.flow.response, self._hidden
            if response is not None and shown is not meant and response.data.content == shown:
                response.data.content = meant  # until the next step

    def _show_response(self) -> None:
        """Let the flow show of a whole answer what may be seen of it."""
        response, (shown, meant) = self.flow.response, self._hidden
        if response is not None and shown is not meant and response.data.content is meant:
            response.data.content = shown

    def _say(self, exchange: Exchange, said: bytes) -> layer.CommandGenerator[None]:
        """Send bytes of a stream, after the head if it has not left yet. A whole answer waits for `_end`."""
        if not self.spoken:
            if not exchange.asked.stream:
                exchange.emitted.add(said)
                self._whole = said
                return
            yield from self._begin(exchange)
            if self.client_state == self.state_errored:
                return
        exchange.emitted.add(said)
        if said:
            self._said = time.monotonic()
            yield SendHttp(ResponseData(self.stream_id, said), self.context.client)

    def _begin(self, exchange: Exchange) -> layer.CommandGenerator[None]:
        """Send status 200 and the headers of a stream (or of a body that is kept alive while it is made)."""
        self.flow.response = self.terms.stream_head(exchange)
        yield from self._hook(HttpResponseHeadersHook(self.flow))
        if (yield from self.check_killed(True)):
            return
        self.spoken = True
        self._said = time.monotonic()
        yield SendHttp(ResponseHeaders(self.stream_id, self.flow.response), self.context.client)

    def _end(self, exchange: Exchange) -> layer.CommandGenerator[None]:
        """A good end."""
        if not self.spoken:
            self.flow.response = self.terms.whole_head(exchange, self._whole)
            yield from self._answer_here()
            return
        assert self.flow.response is not None
        self.flow.response.data.content = self.terms.redactor.kept(exchange.emitted.bytes())
        yield from self.send_response(already_streamed=True)

    def _end_broken(self, exchange: Exchange, failure: Failure) -> layer.CommandGenerator[None]:
        """The client has been told inside the stream; the flow is marked as failed."""
        exchange.attempt.failure = failure
        if self.flow.response is not None:
            self.flow.response.data.content = self.terms.redactor.kept(exchange.emitted.bytes())
            self.flow.response.timestamp_end = time.time()
        self.flow.error = flow.Error(self.terms.redactor.message(failure))
        yield from self._hook(HttpErrorHook(self.flow))
        self.server_state = self.state_done
        self.flow.live = False
        yield DropStream(self.stream_id)
        yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)

    def _refuse(self, exchange: Exchange) -> layer.CommandGenerator[None]:
        """Nobody can answer: an error in the client's dialect, as a status if that is still free."""
        failure = exchange.refusal or Failure(kind="server", message="nobody answered", origin="cliproxy")
        if self.spoken:
            said = self.terms.late_failure(exchange, failure)
            yield from self._say(exchange, said)
            yield from self._end_broken(exchange, failure)
            return
        self.flow.response = self.terms.refusal(exchange, failure)
        yield from self._answer_here()

    def _answer_here(self) -> layer.CommandGenerator[None]:
        """Send a response that was made here."""
        if self.flow.response is None:
            self.flow.response = http.Response.make(500, b"no addon took this request")
        self.flow.response.timestamp_start = time.time()
        meant = self.flow.response.data.content or b""
        self._hidden = self.terms.redactor.kept(meant), meant
        self._show_response()
        yield from self._hook(HttpResponseHeadersHook(self.flow))
        if (yield from self.check_killed(True)):
            return
        yield from self.send_response()

    def _ping(self, exchange: Exchange, pump: Pump | None) -> layer.CommandGenerator[None]:
        """Say something harmless. Before the answer it sends the status line; failover goes on unseen behind it."""
        ping = pump.ping() if pump is not None and pump.committed else exchange.ping
        if not ping:
            return
        if not self.spoken:
            yield from self._begin(exchange)
            if self.client_state == self.state_errored:
                return
        yield from self._say(exchange, ping)
