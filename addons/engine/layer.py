"""mitmproxy's HTTP layer for our listener: streams that can try again, and a clock.

Each attempt has a stream id of its own on the upstream side (a *wire id*), because
* an abandoned upstream may still deliver events, which then find nobody;
* HTTP/2 connections map stream ids for good, so one id cannot be sent twice.

The clock: one wake-up a second for a client connection that has a request under way, not one for each request.
"""

import itertools
import time
from dataclasses import dataclass

from mitmproxy.connection import Server
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import GetHttpConnection, GetHttpConnectionCompleted, HttpLayer, HTTPMode

from addons.engine.connect import Connect
from addons.engine.stream import ExchangeStream
from addons.engine.terms import Terms

FIRST_WIRE_ID = 1 << 40
"""Far above any id a client connection counts up to."""


@dataclass
class Tick(events.Event):
    """The clock of a client connection. `now` is time.monotonic()."""

    now: float


class ExchangeLayer(HttpLayer):
    """The HTTP layer of one client connection."""

    def __init__(self, context: Context, terms: Terms) -> None:
        super().__init__(context, HTTPMode.transparent)
        self.terms = terms
        self._wire_ids = itertools.count(FIRST_WIRE_ID)
        self._tick: commands.RequestWakeup | None = None
        self.used: dict[str, float] = {}
        """When (monotonic) upstream connections, by id, last carried an answer: a later failure may be a stale one."""

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, events.Wakeup) and event.command is self._tick:
            yield from self._wake()
        elif isinstance(event, events.CommandCompleted) and event.command not in self.command_sources:
            pass  # for a stream that is gone
        elif (
            isinstance(event, events.ConnectionEvent)
            and event.connection not in self.connections
            and event.connection is not self.context.server
        ):
            pass  # a connection we gave up (see get_connection)
        else:
            yield from super()._handle_event(event)

    def make_stream(self, stream_id: int) -> layer.CommandGenerator[None]:
        """Called for each request of the client."""
        stream = ExchangeStream(self.context.fork(), stream_id, self)
        self.streams[stream_id] = stream
        if self._tick is None:
            yield from self._arm()
        yield from self.event_to_child(stream, events.Start())

    def _arm(self) -> layer.CommandGenerator[None]:
        self._tick = commands.RequestWakeup(self.terms.tick_seconds)
        yield self._tick

    def _wake(self) -> layer.CommandGenerator[None]:
        now = time.monotonic()
        yield from self._give_up_connecting(now)
        for stream in set(self.streams.values()):
            yield from self.event_to_child(stream, Tick(now))
        if self.streams:
            yield from self._arm()
        else:
            self._tick = None

    def _give_up_connecting(self, now: float) -> layer.CommandGenerator[None]:
        """Fail what has waited too long for a connection; the connection itself is left to the operating system."""
        for connection, waiting in list(self.waiting_for_establishment.items()):
            late = [command for command in waiting if isinstance(command, Connect) and self._is_late(command, now)]
            if late:
                waiting[:] = [command for command in waiting if command not in late]
                self.connections.pop(connection, None)
            for command in late:
                stream = self.command_sources.pop(command)
                error = f"no connection within {self.terms.connect_seconds:g} s"
                yield from self.event_to_child(stream, GetHttpConnectionCompleted(command, (None, error)))

    def _is_late(self, command: Connect, now: float) -> bool:
        return 0 < self.terms.connect_seconds < now - command.since

    def open_wire(self, stream: ExchangeStream) -> int:
        """A fresh upstream stream id that leads to `stream`."""
        wire_id = next(self._wire_ids)
        self.streams[wire_id] = stream
        return wire_id

    def close_wire(self, wire_id: int) -> None:
        """From now on events of this id find nobody."""
        self.streams.pop(wire_id, None)

    def idle_connection(self, wanted: Connect) -> Server | None:
        """An open connection to the same place. A client of HTTP/1 sends one request at a time, so nobody else uses it;
        for the others mitmproxy's own way decides.
        """
        if self.context.client.alpn == b"h2":
            return None
        for connection in self.connections:
            if (
                isinstance(connection, Server)
                and connection.connected
                and not connection.error
                and connection not in self.waiting_for_establishment
                and wanted.connection_spec_matches(connection)
            ):
                return connection
        return None

    def get_connection(self, event: GetHttpConnection, *, reuse: bool = True) -> layer.CommandGenerator[None]:
        """Give an upstream connection, after forgetting those that are dead.

        mitmproxy would repeat the error of a failed connection for as long as the client stays connected.
        """
        dead = [
            connection
            for connection in self.connections
            if isinstance(connection, Server)
            and connection not in self.waiting_for_establishment
            and (connection.error or not connection.connected)
        ]
        for connection in dead:
            del self.connections[connection]
            self.used.pop(connection.id, None)
        yield from super().get_connection(event, reuse=reuse)
