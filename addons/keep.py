"""How much of the finished traffic stays in the list of mitmweb or mitmproxy: by count, memory and age.

The oldest flows go first. A flow under way stays, and so does what a person has marked (such flows count no more: take
the mark away, and they go when their time comes) or loaded from a file. mitmdump keeps nothing anyway.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from mitmproxy import ctx
from mitmproxy.addons.view import View
from mitmproxy.flow import Flow
from mitmproxy.http import HTTPFlow

from addons.inspection.trimming import trimmed
from addons.settings import Settings

EVERY = 60.0
"""Seconds between two looks at the age of flows."""

FRAME = 12 * 1024
"""Bytes that a flow takes beside its bodies and headers: objects of mitmproxy's and of ours. Measured."""


@dataclass(slots=True)
class Kept:
    """A flow in the list. size: bytes, about. since: when it was over (monotonic). mark: the sign that we gave it."""

    size: int
    since: float
    mark: str


class Keep:
    """Comes after Record, so that it sees what is to be kept."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.size = 0
        """Bytes of all flows that may go."""
        self._view: View | None = None
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._marked: dict[str, Kept] = {}
        self._looking: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def running(self) -> None:
        """mitmproxy is up: is there a list?"""
        view = ctx.master.addons.get("view")
        if isinstance(view, View) and self._view is None:
            self.follow(view)
            self._looking = asyncio.get_running_loop().create_task(self._look())

    def follow(self, view: View) -> None:
        """Keep this list within its bounds."""
        self._view = view
        view.sig_store_remove.connect(self._removed)
        view.sig_store_refresh.connect(self._refreshed)

    def done(self) -> None:
        """The script is taken out."""
        if self._looking is not None:
            self._looking.cancel()
        self._looking = self._view = None

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            self.make_room(time.monotonic())

    def response(self, flow: HTTPFlow) -> None:
        """A request is answered."""
        self._over(flow)

    def error(self, flow: HTTPFlow) -> None:
        """It ended otherwise."""
        self._over(flow)

    def _over(self, flow: HTTPFlow) -> None:
        if not flow.live:
            return  # loaded from a file
        data = flow.request.data
        data.content = trimmed(data.content, self.settings.runtime.redactor.limit) if data.content else data.content
        if self._view is not None:
            now = time.monotonic()
            self._removed(flow)
            self._kept[flow.id] = kept = Kept(size_of(flow), now, flow.marked)
            self.size += kept.size
            self.make_room(now)

    def make_room(self, now: float) -> None:
        """Let go what is too much or too old; the latest flow stays whatever its size. now: monotonic seconds."""
        self._unmarked()
        limits = self.settings.runtime.config.inspect
        while len(self._kept) > 1 or (self._kept and limits.keep_hours):
            oldest, kept = next(iter(self._kept.items()))
            crowded = len(self._kept) > (limits.keep_flows or len(self._kept))
            heavy = len(self._kept) > 1 and self.size > (limits.keep_memory or self.size)
            old = bool(limits.keep_hours) and now - kept.since > limits.keep_hours * 3600
            if not (crowded or heavy or old):
                return
            self._let_go(oldest, kept)

    def _let_go(self, name: str, kept: Kept) -> None:
        flow = self._view.get_by_id(name) if self._view is not None else None
        if flow is not None and flow.marked and flow.marked != kept.mark:
            self._marked[name] = kept
        elif flow is not None and self._view is not None:
            self._view.remove([flow])  # tells us, too
        self._forget(name)

    def _unmarked(self) -> None:
        """What has lost its mark is the oldest again."""
        for name, kept in list(self._marked.items()):
            flow = self._view.get_by_id(name) if self._view is not None else None
            if flow is None or not flow.marked or flow.marked == kept.mark:
                del self._marked[name]
                self._kept[name] = kept
                self._kept.move_to_end(name, last=False)
                self.size += kept.size

    def _forget(self, name: str) -> None:
        kept = self._kept.pop(name, None)
        self.size -= kept.size if kept is not None else 0

    def _removed(self, flow: Flow) -> None:
        """Somebody has taken it out of the list, perhaps we."""
        self._forget(flow.id)

    def _refreshed(self) -> None:
        """Somebody has cleared the list, or parts of it."""
        for name in list(self._kept):
            if self._view is None or self._view.get_by_id(name) is None:
                self._forget(name)


def size_of(flow: HTTPFlow) -> int:
    """About how many bytes of memory a flow takes. A body that stands in it twice as one object is counted once."""
    found: dict[int, int] = {}
    for message in (flow.request, flow.response):
        if message is not None:
            found |= {id(part): len(part) for pair in message.headers.fields for part in pair}
            content = message.data.content or b""
            found[id(content)] = len(content)
    found |= {id(part): len(part) for part in _parts(flow.metadata)}
    return FRAME + sum(found.values())


def _parts(value: object) -> Iterator[str | bytes]:
    if isinstance(value, str | bytes):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from _parts(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _parts(member)
