"""The lean measures change nothing that can be seen: same handlers, same bytes, and all of it can be undone."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import h11
import pytest
from h11._readers import ChunkedReader
from h11._receivebuffer import ReceiveBuffer
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import addons, exceptions, hooks, http, options, version
from mitmproxy.connection import Server
from mitmproxy.master import Master
from mitmproxy.proxy import commands
from mitmproxy.proxy.layers.http import HttpRequestHook, HttpStream
from mitmproxy.proxy.layers.http._http1 import Http1Client
from mitmproxy.test import tflow
from mitmproxy.tools.dump import DumpMaster

from addons.engine import lean
from addons.engine.hook_table import RESTS_WITHOUT, HookTable


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    before = [logging.getLogger().handlers[:], logging.getLogger().level]
    yield
    lean.undo()
    logging.getLogger().handlers[:] = before[0]  # a master that never ran leaves its own there
    logging.getLogger().setLevel(before[1])


# --- chunks ---------------------------------------------------------------------------------------------------------


def read_all(pieces: list[bytes], *, fast: bool) -> tuple[bytes, str, bytes]:
    """Body, how it ended, and what is left in the buffer, with every piece read as it arrives."""
    reader, buffer, body = ChunkedReader(), ReceiveBuffer(), b""
    for piece in pieces:
        buffer += piece
        if fast:
            body += lean.take_chunks(reader, buffer)
        while True:
            try:
                event = reader(buffer)
            except h11.ProtocolError as error:
                return body, str(error), b""
            if isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return body, f"end {list(event.headers)!r}", bytes(buffer)
            else:
                break
    return body, "open", bytes(buffer)


def chunk(data: bytes, extension: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n" % (len(data), extension, data)


WIRES = {
    "plain": chunk(b"one") + chunk(b"two" * 100) + chunk(b"x") + b"0\r\n\r\n",
    "upper case": b"A\r\n0123456789\r\n0\r\n\r\n",
    "leading zeros": b"00003\r\none\r\n0\r\n\r\n",
    "extension": chunk(b"one") + chunk(b"two", b";a=b") + chunk(b"three") + b"0\r\n\r\n",
    "trailers": chunk(b"one") + b"0\r\nx-a: b\r\n\r\n",
    "what follows stays": chunk(b"one") + b"0\r\n\r\nHTTP/1.1 200 OK\r\n",
    "no size": chunk(b"one") + b"\r\none\r\n",
    "not a number": chunk(b"one") + b"0x3\r\none\r\n",
    "sign": b"+3\r\none\r\n",
    "wrong end": b"3\r\noneXX3\r\ntwo\r\n",
    "bare newline": b"3\none\n0\n\n",
    "looks like chunks inside": chunk(b"\r\n3\r\nabc\r\n0\r\n\r\n") + b"0\r\n\r\n",
    "cut": chunk(b"one") + b"ff\r\nhalf",
}


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
def test_chunks_are_read_as_h11_reads_them(wire: bytes, size: int) -> None:
    pieces = [wire[at : at + size] for at in range(0, len(wire), size)]
    assert read_all(pieces, fast=True) == read_all(pieces, fast=False)


@given(
    bodies=st.lists(st.binary(min_size=1, max_size=40), max_size=8),
    cuts=st.lists(st.integers(0, 400), max_size=6),
    noise=st.tuples(st.integers(0, 400), st.binary(max_size=2)),
)
def test_chunks_cut_and_spoilt_anywhere(bodies: list[bytes], cuts: list[int], noise: tuple[int, bytes]) -> None:
    wire = b"".join(map(chunk, bodies)) + b"0\r\n\r\n"
    at, wrong = noise
    wire = wire[:at] + wrong + wire[at + len(wrong) :]
    edges = sorted({0, len(wire), *(cut for cut in cuts if cut < len(wire))})
    pieces = [wire[start:end] for start, end in pairwise(edges)]
    assert read_all(pieces, fast=True) == read_all(pieces, fast=False)


def test_all_chunks_of_a_read_come_at_once() -> None:
    reader, buffer = ChunkedReader(), ReceiveBuffer()
    buffer += chunk(b"one") + chunk(b"two") + b"5\r\nthr"
    assert lean.take_chunks(reader, buffer) == b"onetwothr"
    buffer += b"ee\r\n0\r\n"
    assert lean.take_chunks(reader, buffer) == b"ee"


# --- hooks ----------------------------------------------------------------------------------------------------------


class Recorder:
    """An addon that says when it was called."""

    def __init__(self, name: str, said: list[str], error: Exception | None = None) -> None:
        self.name = name
        self.said = said
        self.error = error
        self.addons: list[Any] = []

    def request(self, flow: http.HTTPFlow) -> None:
        self.said.append(f"{self.name} request")
        if self.error is not None:
            raise self.error


class Slow(Recorder):
    async def request(self, flow: http.HTTPFlow) -> None:
        await asyncio.sleep(0)
        super().request(flow)

    def update(self, flows: list[Any]) -> None:
        self.said.append(f"{self.name} update")


def chain(said: list[str]) -> list[Any]:
    parent, halting = Recorder("parent", said), Recorder("halting", said, exceptions.AddonHalt())
    parent.addons = [Recorder("child", said, ValueError("child is ill")), Recorder("sibling", said)]
    return [
        Slow("slow", said),
        parent,
        SimpleNamespace(name="dumb"),
        Recorder("last", said),
        halting,
        Slow("never", said),
    ]


async def said_by(master: Master, said: list[str]) -> list[str]:
    said.clear()
    await master.addons.handle_lifecycle(HttpRequestHook(tflow.tflow()))
    return said[:]


async def test_handlers_are_called_as_by_mitmproxy(caplog: pytest.LogCaptureFixture) -> None:
    """In order, async ones awaited, an error ends its own group only, AddonHalt ends the event but not the update."""
    said: list[str] = []
    master = Master(options.Options())
    master.addons.add(*chain(said))
    plain, plain_log = await said_by(master, said), caplog.messages[:]
    caplog.clear()
    assert "hook table" in lean.apply(master, lean=True)
    assert await said_by(master, said) == plain
    assert caplog.messages == plain_log == ["Addon error: child is ill"]
    assert plain == [
        "slow request",
        "parent request",
        "child request",
        "last request",
        "halting request",
        "slow update",
        "never update",
    ]


async def test_the_table_follows_the_chain() -> None:
    said: list[str] = []
    master = Master(options.Options())
    first, second = Recorder("first", said), Recorder("second", said)
    master.addons.add(first)
    lean.apply(master, lean=True)
    assert await said_by(master, said) == ["first request"]
    master.addons.add(second)
    assert await said_by(master, said) == ["first request", "second request"]
    master.addons.remove(first)
    assert await said_by(master, said) == ["second request"]
    master.addons.clear()
    assert await said_by(master, said) == []


async def test_the_table_follows_a_script_that_is_loaded_again() -> None:
    said: list[str] = []
    master = Master(options.Options())
    script = SimpleNamespace(name="manager", ns=Recorder("before", said))
    loader = SimpleNamespace(name="scriptloader", addons=[script])
    master.addons.add(loader)
    script.addons = [script.ns]
    lean.apply(master, lean=True)
    assert await said_by(master, said) == ["before request"]
    script.ns = Recorder("after", said)
    script.addons = [script.ns]
    assert await said_by(master, said) == ["after request"]


async def test_a_hook_that_is_no_function_is_left_to_mitmproxy(caplog: pytest.LogCaptureFixture) -> None:
    master = Master(options.Options())
    master.addons.add(SimpleNamespace(name="odd", request="a text"))
    lean.apply(master, lean=True)
    await master.addons.handle_lifecycle(HttpRequestHook(tflow.tflow()))
    assert "not callable" in caplog.text


async def test_an_options_error_reaches_the_caller() -> None:
    master = Master(options.Options())
    master.addons.add(Recorder("strict", [], exceptions.OptionsError("no such option")))
    lean.apply(master, lean=True)
    with pytest.raises(exceptions.OptionsError):
        await master.addons.trigger_event(HttpRequestHook(tflow.tflow()))


# --- addons at rest -------------------------------------------------------------------------------------------------


def handlers(master: Master, event: type[hooks.Hook]) -> set[str]:
    table: HookTable = master.addons.trigger_event.__self__
    groups = table.handlers(event.name)
    assert groups is not None
    return {type(handler.__self__).__name__.lower() for group in groups for handler in group}


async def dump_master(**more: Any) -> DumpMaster:
    master = DumpMaster(options.Options(), with_termlog=False)
    master.options.update(flow_detail=0, **more)
    return master


async def test_a_resting_addon_exists_and_its_options_too() -> None:
    """Fails when a new mitmproxy has renamed one of them."""
    master = await dump_master()
    names = {type(addon).__name__.lower() for addon in master.addons.chain}
    assert set(RESTS_WITHOUT) <= names
    for named in RESTS_WITHOUT.values():
        assert all(name in master.options for name in named)


@pytest.mark.parametrize("hook", ["requestheaders", "request", "responseheaders", "response", "error"])
async def test_a_resting_addon_would_have_done_nothing(hook: str) -> None:
    master = await dump_master(onboarding=False)
    flow = tflow.tflow(resp=True, err=True)
    before = flow.get_state()
    for addon in master.addons.chain:
        handler = getattr(addon, hook, None)
        if type(addon).__name__.lower() in RESTS_WITHOUT and handler is not None:
            result = handler(flow)
            if result is not None:
                await result
    assert flow.get_state() == before


async def test_an_option_wakes_its_addon() -> None:
    master = await dump_master()
    lean.apply(master, lean=True)
    assert "modifyheaders" not in handlers(master, hooks.all_hooks["requestheaders"])
    assert "dumper" not in handlers(master, hooks.all_hooks["response"])
    master.options.update(modify_headers=["/~q/x-a/b"], flow_detail=1)
    assert "modifyheaders" in handlers(master, hooks.all_hooks["requestheaders"])
    assert "dumper" in handlers(master, hooks.all_hooks["response"])
    master.options.update(flow_detail=0)
    assert "dumper" not in handlers(master, hooks.all_hooks["response"])


async def test_nothing_rests_in_the_inspectors() -> None:
    master = Master(options.Options())
    master.addons.add(*addons.default_addons())
    lean.apply(master, lean=True)
    assert "modifyheaders" in handlers(master, hooks.all_hooks["requestheaders"])


# --- switches -------------------------------------------------------------------------------------------------------


async def test_undo_puts_everything_back() -> None:
    def patched() -> list[Any]:
        stream = vars(HttpStream)["state_wait_for_request_headers"]
        return [
            stream,
            Http1Client.read_body,
            vars(http.MessageData)["__post_init__"],
            logging.getLogger("mitmproxy.proxy").level,
        ]

    before = patched()
    master = await dump_master()
    taken = lean.apply(master, lean=True)
    assert set(taken) <= set(lean.MEASURES)
    assert patched() != before
    lean.undo()
    assert patched() == before
    assert "trigger_event" not in vars(master.addons)


async def test_it_can_be_switched_off() -> None:
    assert lean.apply(await dump_master(), lean=False) == []


async def test_another_version_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "VERSION", "12.3.0")
    assert lean.apply(await dump_master(), lean=True) == []


@pytest.mark.parametrize(("verbosity", "skipped"), [("error", True), ("warn", True), ("info", False)])
@pytest.mark.parametrize("listening", [False, True])
async def test_logs_are_skipped_only_if_nobody_sees_them(verbosity: str, skipped: bool, listening: bool) -> None:
    logging.getLogger().handlers.clear()
    logging.getLogger().setLevel(logging.DEBUG)
    master = DumpMaster(options.Options())
    master.options.update(termlog_verbosity=verbosity)
    if listening:
        master.addons.add(SimpleNamespace(name="listener", add_log=lambda _entry: None))
    skipped = skipped and not listening
    assert ("no unseen logs" in lean.apply(master, lean=True)) is skipped
    assert logging.getLogger("mitmproxy.proxy.server").isEnabledFor(logging.INFO) is not skipped


# --- writes ---------------------------------------------------------------------------------------------------------


def test_neighbouring_writes_to_one_connection_are_joined() -> None:
    here, there = Server(address=("127.0.0.1", 1)), Server(address=("127.0.0.1", 2))

    class Top:
        def handle_event(self, event: object) -> Iterator[commands.Command]:
            yield commands.SendData(here, b"a")
            yield commands.SendData(here, b"b")
            yield commands.SendData(there, b"c")
            yield commands.Log("between")
            yield commands.SendData(there, b"d")
            raise ValueError("broken")

    got: list[Any] = []

    def collect() -> None:
        for command in lean.Joined(Top()).handle_event(None):
            sent = isinstance(command, commands.SendData)
            got.append((command.connection.address[1], command.data) if sent else "log")

    with pytest.raises(ValueError, match="broken"):
        collect()
    assert got == [(1, b"ab"), (2, b"c"), "log", (2, b"d")]


# --- the whole program, with and without ----------------------------------------------------------------------------

ANSWERS = {
    "chunked": b"Transfer-Encoding: chunked\r\n\r\n"
    + b"".join(chunk(b"data: %d\n\n" % n) for n in range(300))
    + b"0\r\n\r\n",
    "length": b"Content-Length: 5\r\n\r\nhello",
    "empty": b"Content-Length: 0\r\n\r\n",
    "until the end": b"Connection: close\r\n\r\nhello",
    "broken chunk": b"Transfer-Encoding: chunked\r\n\r\n" + chunk(b"one") + b"zz\r\n",
    "cut chunk": b"Transfer-Encoding: chunked\r\n\r\n" + chunk(b"one") + b"ff\r\nhalf",
}


class PassThrough:
    def responseheaders(self, flow: http.HTTPFlow) -> None:
        assert flow.response
        flow.response.stream = flow.request.path.startswith("/stream")


@asynccontextmanager
async def upstream() -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                name = head.split(b" ")[1].decode().rpartition("/")[2].replace("-", " ")
                writer.write(b"HTTP/1.1 200 OK\r\n" + ANSWERS[name])
                await writer.drain()
                if name in ("until the end", "broken chunk", "cut chunk"):
                    break
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def ask(port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    try:
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


def body_of(raw: bytes) -> tuple[bytes, bytes, str]:
    head, _, rest = raw.partition(b"\r\n\r\n")
    if b"chunked" in head.lower():
        return head, *read_all([rest], fast=False)[:2]
    return head, rest, ""


@pytest.mark.parametrize("on", [False, True], ids=["plain", "lean"])
async def test_a_proxy_gives_the_same_bytes(on: bool) -> None:
    async with upstream() as port:
        master = DumpMaster(options.Options(), with_termlog=False, with_dumper=False)
        master.addons.add(PassThrough())
        master.options.update(
            mode=[f"reverse:http://127.0.0.1:{port}"],
            listen_host="127.0.0.1",
            listen_port=0,
            connection_strategy="lazy",
        )
        running = asyncio.Event()
        master.addons.add(SimpleNamespace(name="starter", running=running.set))
        task = asyncio.create_task(master.run())
        try:
            await asyncio.wait_for(running.wait(), 20)
            if on:
                assert {"hook table", "merged chunks", "joined writes"} <= set(lean.apply(master, lean=True))
            (server,) = master.addons.get("proxyserver").servers
            here = server.listen_addrs[0][1]
            for name in ANSWERS:
                path = name.replace(" ", "-")
                streamed, whole = await ask(here, f"/stream/{path}"), await ask(here, f"/whole/{path}")
                assert body_of(streamed) == EXPECTED_STREAMED[name], name
                assert whole.startswith(EXPECTED_WHOLE[name]), name
        finally:
            await master.addons.get("proxyserver").servers.update([])
            master.shutdown()
            await task


def _head(name: str) -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + ANSWERS[name].partition(b"\r\n\r\n")[0]


EVENTS = b"".join(b"data: %d\n\n" % n for n in range(300))
EXPECTED_STREAMED = {
    "chunked": (_head("chunked"), EVENTS, "end []"),
    "length": (_head("length"), b"hello", ""),
    "empty": (_head("empty"), b"", ""),
    "until the end": (_head("until the end"), b"hello", ""),
    "broken chunk": (_head("broken chunk"), b"one", "open"),
    "cut chunk": (_head("cut chunk"), b"onehalf", "open"),
}
EXPECTED_WHOLE = {
    "chunked": _head("chunked"),
    "length": _head("length") + b"\r\n\r\nhello",
    "empty": _head("empty") + b"\r\n\r\n",
    "until the end": _head("until the end"),
    "broken chunk": b"HTTP/1.1 502 Bad Gateway\r\n",
    "cut chunk": b"HTTP/1.1 502 Bad Gateway\r\n",
}
