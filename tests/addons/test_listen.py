"""Our port, and only ours."""

import asyncio
import socket

import pytest
from mitmproxy import ctx
from mitmproxy.addons import onboarding, proxyserver
from mitmproxy.proxy import mode_specs
from mitmproxy.test import taddons, tflow

from addons.listen import Listen
from tests.addons.scene import Scene
from tests.proxy import free_port

CONFIG = "port: 8399"


def test_the_options_that_the_engine_relies_on() -> None:
    with taddons.context(proxyserver.Proxyserver(), onboarding.Onboarding()) as tctx:
        tctx.options.update(server=False)
        listen = Listen(Scene(CONFIG).settings)
        listen.configure(set())
        assert ctx.options.mode == ["regular"]  # without a server, only what the engine needs
        assert not ctx.options.onboarding
        assert (ctx.options.listen_host, ctx.options.listen_port) == ("127.0.0.1", 8399)
        assert ctx.options.connection_strategy == "lazy"
        assert ctx.options.keep_host_header
        ctx.options.update(listen_port=1)
        listen.configure({"listen_port"})
        assert ctx.options.listen_port == 1  # once
        listen.running()
        assert listen.ready.is_set()


async def test_the_stray_listener_is_replaced_by_ours() -> None:
    server = proxyserver.Proxyserver()
    with taddons.context(server, onboarding.Onboarding()) as tctx:
        listen = Listen(Scene().settings)
        tctx.options.update(listen_port=free_port())
        listen.configure(set())
        listen.running()
        await asyncio.wait_for(listen.ready.wait(), 10)
        (ours,) = server.servers
        assert ours.listen_addrs == (("127.0.0.1", ctx.options.listen_port),)
        assert ctx.options.mode == [f"reverse:http://127.0.0.1:{ctx.options.listen_port}"]
        listen.done()
        await server.servers.update([])


async def test_a_busy_port_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        with taddons.context(proxyserver.Proxyserver(), onboarding.Onboarding()) as tctx:
            tctx.options.update(listen_port=other.getsockname()[1])
            listen = Listen(Scene().settings)
            listen.configure(set())
            assert "cliproxy does not start" in caplog.text
            assert "--listen-port" in caplog.text
            listen.done()


def test_the_command_line_beats_the_config() -> None:
    with taddons.context(proxyserver.Proxyserver(), onboarding.Onboarding()) as tctx:
        tctx.options.update(
            server=False, listen_host="::1", listen_port=8400, mode=["reverse:http://cliproxy.invalid:81"]
        )
        Listen(Scene(CONFIG).settings).configure(set())
        assert (ctx.options.listen_host, ctx.options.listen_port) == ("::1", 8400)
        assert ctx.options.mode == ["reverse:http://cliproxy.invalid:81"]


def test_whoever_came_by_another_door_is_turned_away() -> None:
    listen = Listen(Scene(CONFIG).settings)
    client = tflow.tclient_conn()
    listen.client_connected(client)
    assert client.error
    ours = tflow.tclient_conn()
    ours.proxy_mode = mode_specs.ProxyMode.parse("reverse:http://127.0.0.1:8399")
    listen.client_connected(ours)
    assert not ours.error
