"""What the engine relies on in mitmproxy. A new version that changes any of it fails here, by name."""

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import Any

import pytest
from mitmproxy import connection, ctx, flow, http, options
from mitmproxy.addons import errorcheck, proxyserver
from mitmproxy.master import Master
from mitmproxy.net import server_spec, tls
from mitmproxy.proxy import commands, context, events, layer, layers, mode_servers, mode_specs, server, tunnel
from mitmproxy.proxy.layers import http as http_layers
from mitmproxy.proxy.layers import modes
from mitmproxy.proxy.layers.http import HttpLayer, HTTPMode, HttpStream, _events, _hooks
from mitmproxy.test import taddons, tflow

from addons.engine.addon import CONNECTIONS, Engine
from addons.engine.hooks import CliproxyAttemptHook, CliproxyChunkHook
from addons.engine.layer import ExchangeLayer
from addons.engine.stream import Connect, ExchangeStream


def names(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def fields(kind: type) -> list[str]:
    return list(inspect.signature(kind).parameters)


def a_layer() -> HttpLayer:
    opts = options.Options()
    proxyserver.Proxyserver().load(_Loader(opts))
    client = connection.Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), timestamp_start=0)
    return HttpLayer(context.Context(client, opts), HTTPMode.transparent)


class _Loader:
    """Declares options where addons ask for it."""

    def __init__(self, opts: options.Options) -> None:
        self._options = opts

    def add_option(self, name: str, kind: type, default: Any, text: str, choices: Any = None) -> None:
        self._options.add_option(name, kind, default, text, choices)


# --- HttpLayer ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["connections", "waiting_for_establishment", "streams", "command_sources"])
def test_the_layers_tables(name: str) -> None:
    assert isinstance(getattr(a_layer(), name), dict)


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (HttpLayer.__init__, ["self", "context", "mode"]),
        (HttpLayer._handle_event, ["self", "event"]),
        (HttpLayer.make_stream, ["self", "stream_id"]),
        (HttpLayer.event_to_child, ["self", "child", "event"]),
        (HttpLayer.get_connection, ["self", "event", "reuse"]),
        (HttpStream.__init__, ["self", "context", "stream_id"]),
        (HttpStream._handle_event, ["self", "event"]),
        (HttpStream.state_wait_for_request_headers, ["self", "event"]),
        (HttpStream.state_consume_request_body, ["self", "event"]),
        (HttpStream.send_response, ["self", "already_streamed"]),
        (HttpStream.check_killed, ["self", "emit_error_hook"]),
        (tls.starts_like_tls_record, ["d"]),
        (layer.NextLayer.data_client, ["self"]),
        (mode_specs.ProxyMode.parse, ["spec"]),
    ],
)
def test_signatures(function: Callable[..., Any], parameters: list[str]) -> None:
    assert names(function) == parameters


def ours(kind: type) -> set[str]:
    """Names that our classes among the ancestors define."""
    mine = [one for one in kind.__mro__ if one.__module__.startswith("addons.")]
    return {name for one in mine for name in vars(one) if not name.startswith("__")}


OVERRIDDEN_IN_LAYER = {"_handle_event", "make_stream", "get_connection"}
OVERRIDDEN_IN_STREAM = {
    "_handle_event",
    "state_wait_for_request_headers",
    "state_consume_request_body",
    "send_response",
    "check_killed",
}


def test_our_names_hide_theirs_only_where_that_is_meant() -> None:
    """Also the other way round: what we override must still be called so."""
    assert ours(ExchangeLayer) & set(dir(HttpLayer)) == OVERRIDDEN_IN_LAYER
    assert ours(ExchangeStream) & set(dir(HttpStream)) == OVERRIDDEN_IN_STREAM


def test_the_streams_attributes() -> None:
    stream = HttpStream(a_layer().context, 1)
    for name in ("stream_id", "request_body_buf", "response_body_buf", "client_state", "server_state"):
        assert hasattr(stream, name), name
    for state in ("state_done", "state_errored", "state_uninitialized", "state_wait_for_request_headers"):
        assert callable(getattr(stream, state)), state
    assert not hasattr(stream, "flow")  # there is none before the headers: the engine asks with hasattr
    assert isinstance(stream.request_body_buf, bytearray) or hasattr(stream.request_body_buf, "clear")


# --- commands and events --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        (http_layers.GetHttpConnection, ["address", "tls", "via", "transport_protocol"]),
        (http_layers.GetHttpConnectionCompleted, ["command", "reply"]),
        (http_layers.SendHttp, ["event", "connection"]),
        (http_layers.DropStream, ["stream_id"]),
        (commands.RequestWakeup, ["delay"]),
        (commands.CloseConnection, ["connection"]),
        (events.Wakeup, ["command"]),
        (_events.RequestHeaders, ["stream_id", "request", "end_stream", "replay_flow"]),
        (_events.RequestData, ["stream_id", "data"]),
        (_events.RequestEndOfMessage, ["stream_id"]),
        (_events.ResponseHeaders, ["stream_id", "response", "end_stream"]),
        (_events.ResponseData, ["stream_id", "data"]),
        (_events.ResponseTrailers, ["stream_id", "trailers"]),
        (_events.ResponseEndOfMessage, ["stream_id"]),
        (_events.RequestProtocolError, ["stream_id", "message", "code"]),
        (_events.ResponseProtocolError, ["stream_id", "message", "code"]),
    ],
)
def test_what_commands_and_events_are_made_of(kind: type, parameters: list[str]) -> None:
    assert fields(kind) == parameters


def test_an_upstream_connection_is_one_of_theirs_with_a_time() -> None:
    wanted = Connect(("h", 1), False, None, since=3.0)
    assert isinstance(wanted, http_layers.GetHttpConnection)
    assert wanted.blocking is http_layers.GetHttpConnection(("h", 1), False, None).blocking
    assert wanted.since == 3.0
    assert hash(wanted)  # a key of command_sources


def test_hooks_have_their_names() -> None:
    found = tflow.tflow()
    assert CliproxyAttemptHook(found).name == "cliproxy_attempt"
    assert CliproxyChunkHook(found).name == "cliproxy_chunk"
    assert CliproxyAttemptHook(found).args() == [found]
    assert CliproxyAttemptHook(found).blocking
    for hook, name in (
        (_hooks.HttpRequestHeadersHook, "requestheaders"),
        (_hooks.HttpRequestHook, "request"),
        (_hooks.HttpResponseHeadersHook, "responseheaders"),
        (_hooks.HttpResponseHook, "response"),
        (_hooks.HttpErrorHook, "error"),
    ):
        assert hook(found).name == name


# --- connections, flows, layers -------------------------------------------------------------------------------------


def test_connections() -> None:
    upstream = connection.Server(address=("h", 1))
    assert upstream.id
    assert upstream.error is None
    assert not upstream.connected
    assert upstream.alpn_offers == ()
    client = tflow.tclient_conn()
    assert isinstance(client.proxy_mode, mode_specs.ProxyMode)
    assert server_spec.ServerSpec


def test_flows() -> None:
    found = tflow.tflow()
    assert found.metadata == {}
    assert found.comment == ""
    found.comment = "x"
    assert isinstance(flow.Error("x").msg, str)
    assert http.Request.make("POST", "http://h/", b"").data.content == b""
    assert names(http.Request.__init__)[1:] == [
        "host", "port", "method", "scheme", "authority", "path", "http_version", "headers", "content", "trailers",
        "timestamp_start", "timestamp_end",
    ]  # fmt: skip


def test_layers() -> None:
    assert issubclass(modes.ReverseProxy, layer.Layer)
    assert issubclass(layers.ClientTLSLayer, tunnel.TunnelLayer)
    assert names(layers.ClientTLSLayer.__init__) == ["self", "context"]
    assert names(tunnel.LayerStack.__truediv__) == ["self", "other"]
    assert HTTPMode.transparent
    assert issubclass(mode_specs.ReverseMode, mode_specs.ProxyMode)
    assert isinstance(mode_specs.ProxyMode.parse("reverse:http://cliproxy.invalid:80"), mode_specs.ReverseMode)


def test_an_addons_coroutine_is_waited_for() -> None:
    """`cliproxy_attempt` may sleep: the hook is not over before it is."""
    order: list[str] = []

    class Slow:
        async def cliproxy_attempt(self, flow: http.HTTPFlow) -> None:
            await asyncio.sleep(0)
            order.append("addon")

    async def run() -> None:
        with taddons.context(Slow(), loadcore=False) as tctx:
            await tctx.master.addons.handle_lifecycle(CliproxyAttemptHook(tflow.tflow()))
            order.append("after")

    asyncio.run(run())
    assert order == ["addon", "after"]


# --- servers --------------------------------------------------------------------------------------------------------


async def test_servers_can_be_replaced() -> None:
    """`listen.py` waits while servers are being updated, then updates them itself and asks where they listen."""
    manager = proxyserver.Proxyserver()
    with taddons.context(manager) as tctx:
        tctx.configure(manager, listen_host="127.0.0.1", listen_port=0)
        assert not manager.servers.is_updating
        mode = mode_specs.ProxyMode.parse("reverse:http://cliproxy.invalid:80")
        assert await manager.servers.update([mode])
        (instance,) = manager.servers
        assert isinstance(instance, mode_servers.ServerInstance)
        assert instance.listen_addrs[0][0] == "127.0.0.1"
        assert instance.listen_addrs[0][1] > 0
        assert await manager.servers.update([])
        assert list(manager.servers) == []


def test_the_addon_that_holds_the_servers_is_called_so() -> None:
    with taddons.context(proxyserver.Proxyserver()):
        found = ctx.master.addons.get("proxyserver")
        assert found is not None
        assert hasattr(found.servers, "is_updating")


async def test_how_many_connections_a_client_may_have() -> None:
    """Five to an address, for as long as they are open: the engine gives it more, in the handler's own table."""
    client = connection.Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), timestamp_start=0)
    client.proxy_mode = mode_specs.ProxyMode.parse("reverse:http://cliproxy.invalid:80")
    manager = proxyserver.Proxyserver()
    engine = Engine.__new__(Engine)  # nothing of it is needed for this hook
    with taddons.context(manager) as tctx:
        handler = mode_servers.ProxyConnectionHandler.__new__(mode_servers.ProxyConnectionHandler)
        server.ConnectionHandler.__init__(handler, context.Context(client, tctx.options))
        assert handler.max_conns["proxy.test", 1]._value == 5
        with manager.register_connection(client.id, handler):
            engine.client_connected(client)
        assert handler.max_conns["proxy.test", 1]._value == CONNECTIONS
    assert "max_conns[command.connection.address]" in inspect.getsource(server.ConnectionHandler.open_connection)


def test_the_options_we_set() -> None:
    with taddons.context(proxyserver.Proxyserver()) as tctx:
        for name in (
            "mode",
            "listen_host",
            "listen_port",
            "connection_strategy",
            "keep_host_header",
            "server",
            "http2",
        ):
            assert name in tctx.options, name
        assert not tctx.options._options["mode"].has_changed()
        tctx.options.update(connection_strategy="lazy", mode=["reverse:http://cliproxy.invalid:80"])
        assert tctx.options._options["mode"].has_changed()


async def test_an_error_logged_before_mitmproxy_runs_ends_it() -> None:
    """A config that cannot be used is told by one logged error: mitmproxy then ends with status 1."""
    check = errorcheck.ErrorCheck()
    try:
        logging.getLogger("addons.settings").error("cliproxy does not start: a test")
        with pytest.raises(SystemExit) as ended:
            await check.shutdown_if_errored()
    finally:
        check.finish()
    assert ended.value.code == 1
    assert "shutdown_if_errored" in inspect.getsource(Master.run)


def test_a_client_can_be_turned_away_as_it_connects() -> None:
    """Setting `client.error` in client_connected closes the connection before a byte is read."""
    source = inspect.getsource(server.ConnectionHandler.handle_client)
    assert "client_connected" in source.lower() or "ClientConnectedHook" in source
    assert "self.client.error" in source
