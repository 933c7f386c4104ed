"""Less work of mitmproxy's own for each request and each chunk: small measures, each by name, all to be undone.

What they gain was measured with benchmarks/run.py (a request costs about a third of the CPU, a fast stream a sixth).
All but the first and the last touch mitmproxy's internals, so they hold for the versions of SUPPORTED only; with any
other nothing is patched and everything works as before, slower.

They change no bytes that a client or an upstream gets, except where one read holds several chunks of a chunked answer:
they go on as one.
"""

import gc
import inspect
import logging
import re
import sys
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from h11._readers import ChunkedReader
from h11._receivebuffer import ReceiveBuffer
from mitmproxy import hooks, http, log, version
from mitmproxy.addons.termlog import TermLogHandler
from mitmproxy.master import Master
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layer import CommandGenerator, Layer
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import ResponseData
from mitmproxy.proxy.layers.http._http1 import Http1Client
from mitmproxy.proxy.server import ConnectionHandler
from mitmproxy.tools.dump import DumpMaster

from addons.engine.hook_table import HookTable, with_parts

SUPPORTED = ("12.2.",)

type Undo = Callable[[], None]

_firing: "HookTable | None" = None
_undo: list[Undo] = []
"""State of the module, because what is patched is the state of mitmproxy's modules."""


def apply(master: Master, *, lean: bool) -> list[str]:
    """Take the measures, to be called at `running` or later; a second call begins anew. `lean` false: none.

    Returns the names of those taken; a measure that does not fit (another version, an inspector that needs what would
    be saved) is left out.
    """
    undo()
    if not lean or not version.VERSION.startswith(SUPPORTED):
        return []
    taken = []
    for name, measure in MEASURES.items():
        back = measure(master)
        if back is not None:
            _undo.append(back)
            taken.append(name)
    return taken


def undo() -> None:
    """Put everything back as mitmproxy has it."""
    while _undo:
        _undo.pop()()


def _replace(owner: object, name: str, value: object) -> Undo:
    """Set an attribute of a class or an instance; the result sets it back."""
    had, before = name in vars(owner), vars(owner).get(name)
    setattr(owner, name, value)
    return lambda: setattr(owner, name, before) if had else delattr(owner, name)


def _all(backs: list[Undo]) -> Undo | None:
    """Several undos as one, last first; None for none."""
    if not backs:
        return None

    def back() -> None:
        for one in reversed(backs):
            one()

    return back


# --- hooks ------------------------------------------------------------------------------------------------------


def fire(event: hooks.Hook) -> bool:
    """Run an event's handlers at once, where lean hooks are in force and none of them wants to be awaited.

    False: nothing was done, the event must go mitmproxy's way.
    """
    return _firing is not None and _firing.fire(event)


def _use_hook_table(master: Master) -> Undo | None:
    """Only mitmdump lets addons rest: the inspectors' users change options as they go and trust what they see."""
    global _firing
    table = HookTable(master, resting=isinstance(master, DumpMaster))
    manager = master.addons
    backs = [
        _replace(manager, "trigger_event", table.trigger_event),
        _replace(manager, "handle_lifecycle", table.handle_lifecycle),
    ]
    for name in ("register", "remove", "clear"):
        backs.append(_replace(manager, name, _then(getattr(manager, name), table.forget)))
    master.options.changed.connect(table.forget)
    backs.append(lambda: master.options.changed.disconnect(table.forget))
    if table.resting:  # the inspectors let a person stop a flow in any hook: there every hook goes mitmproxy's way
        _firing = table
        backs.append(_stop_firing)
    return _all(backs)


def _stop_firing() -> None:
    global _firing
    _firing = None


def _then(first: Callable[..., Any], second: Callable[[], None]) -> Callable[..., Any]:
    def both(*arguments: Any) -> Any:
        try:
            return first(*arguments)
        finally:
            second()

    return both


# --- checks that can only fail if mitmproxy itself is wrong ---------------------------------------------------------


def _skip_type_checks(_master: Master) -> Undo | None:
    """A type check of every field of every request and response."""
    if "__post_init__" not in vars(http.MessageData):
        return None
    return _replace(http.MessageData, "__post_init__", lambda _self: None)


def _unwrap_expect(_master: Master) -> Undo | None:
    """The @expect around each state of each layer, which asserts the type of the event."""
    backs = []
    for owner in _proxy_classes():
        for name, value in list(vars(owner).items()):
            if isinstance(value, FunctionType) and value.__code__.co_name == "_check_event_type":
                backs.append(_replace(owner, name, inspect.unwrap(value)))
    return _all(backs)


def _proxy_classes() -> Iterator[type]:
    for name, module in list(sys.modules.items()):
        if name.startswith("mitmproxy.proxy"):
            for value in list(vars(module).values()):
                if isinstance(value, type) and value.__module__ == name:
                    yield value


# --- chunked answers ------------------------------------------------------------------------------------------------

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
_NEXT = re.compile(rb"\r\n([0-9A-Fa-f]{1,8})\r\n")


def take_chunks(reader: ChunkedReader, buffer: ReceiveBuffer) -> bytes:
    """The body bytes of all chunks that have arrived, out of the buffer, with h11's reader moved on accordingly.

    Stops where something is not a plain chunk: the last one, a chunk extension, a size or an end that is not whole yet
    or wrong. h11 then goes on from there, and judges.
    """
    if reader._reading_trailer:
        return b""
    data = bytes(buffer)
    end = len(data)
    left, footer, at = reader._bytes_in_chunk, reader._bytes_to_discard, 0
    pieces = []
    while at < end:
        if left:
            piece = data[at : at + left]
            pieces.append(piece)
            at += len(piece)
            left -= len(piece)
            if left:
                break
            footer = b"\r\n"
            found = _NEXT.match(data, at)
        elif footer:
            if not data.startswith(footer, at):
                break
            found = _SIZE.match(data, at + len(footer))
        else:
            found = _SIZE.match(data, at)
        size = int(found[1], 16) if found is not None else 0
        if found is None or not size:
            break
        at, left, footer = found.end(), size, b""
    if at:
        buffer._extract(at)
        reader._bytes_in_chunk, reader._bytes_to_discard = left, footer
    return b"".join(pieces)


def _merge_chunks(_master: Master) -> Undo | None:
    """Hand all chunks of one read on as one event."""
    plain = Http1Client.read_body

    def read_body(self: Http1Client, event: events.Event) -> CommandGenerator[None]:
        if isinstance(self.body_reader, ChunkedReader) and isinstance(event, events.DataReceived):
            data = take_chunks(self.body_reader, self.buf)
            if data:
                assert self.stream_id is not None
                yield ReceiveHttp(ResponseData(self.stream_id, data))
        yield from plain(self, event)

    return _replace(Http1Client, "read_body", read_body)


# --- writes ---------------------------------------------------------------------------------------------------------


class Joined:
    """Stands before a connection's top layer: neighbouring SendData to one connection become one, so one send()."""

    def __init__(self, top: Layer) -> None:
        self._top = top

    def __getattr__(self, name: str) -> Any:
        return getattr(self._top, name)

    def handle_event(self, event: events.Event) -> CommandGenerator[None]:
        """The layer's commands in its order; a write is held until the next command shows whether it goes on."""
        held: commands.SendData | None = None
        pieces: list[bytes] = []
        try:
            for command in self._top.handle_event(event):
                if held is not None:
                    if isinstance(command, commands.SendData) and command.connection is held.connection:
                        pieces.append(command.data)
                        continue
                    yield _with_data(held, pieces)
                    held = None
                if isinstance(command, commands.SendData):
                    held, pieces = command, [command.data]
                else:
                    yield command
        except Exception:
            if held is not None:
                yield _with_data(held, pieces)
            raise
        if held is not None:
            yield _with_data(held, pieces)


def _with_data(command: commands.SendData, pieces: list[bytes]) -> commands.SendData:
    if len(pieces) > 1:
        command.data = b"".join(pieces)
    return command


def _join_writes(_master: Master) -> Undo | None:
    plain = ConnectionHandler.handle_client

    async def handle_client(self: ConnectionHandler) -> None:
        layer: Any = Joined(self.layer)  # not a Layer by descent: the handler asks it for handle_event only
        self.layer = layer
        await plain(self)

    return _replace(ConnectionHandler, "handle_client", handle_client)


# --- logs -----------------------------------------------------------------------------------------------------------


def _skip_unseen_logs(master: Master) -> Undo | None:
    """Do not make the INFO records of the proxy core if everybody who listens throws them away (mitmdump -q)."""
    if not isinstance(master, DumpMaster):
        return None
    if getattr(master.options, "termlog_verbosity", "error") not in ("error", "warn"):
        return None
    for handler in logging.getLogger().handlers:
        unseen = handler.level >= logging.WARNING or isinstance(handler, TermLogHandler | log.LegacyLogEvents)
        if not unseen:
            return None
    if any(hasattr(part, "add_log") for addon in master.addons.chain for part in with_parts(addon)):
        return None
    proxy, before = logging.getLogger("mitmproxy.proxy"), logging.getLogger("mitmproxy.proxy").level
    proxy.setLevel(logging.WARNING)
    return lambda: proxy.setLevel(before)


# --- memory ---------------------------------------------------------------------------------------------------------


def _freeze_start(_master: Master) -> Undo | None:
    """Let the garbage collector pass over what was made at the start: modules, tables, addons. It is most of the heap,
    none of it will be garbage, and full collections looked through all of it every few hundred requests.
    """
    gc.collect()
    gc.freeze()
    return gc.unfreeze


MEASURES: dict[str, Callable[[Master], Undo | None]] = {
    "hook table": _use_hook_table,
    "no type checks": _skip_type_checks,
    "no event checks": _unwrap_expect,
    "merged chunks": _merge_chunks,
    "joined writes": _join_writes,
    "no unseen logs": _skip_unseen_logs,
    "frozen start": _freeze_start,
}
