"""Gives mitmproxy our views, and shows exchanges that are under way: in views, and in the list where there is one."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from mitmproxy import contentviews, ctx
from mitmproxy.addonmanager import Loader
from mitmproxy.contentviews import Contentview, Metadata, SyntaxHighlight
from mitmproxy.flow import Flow
from mitmproxy.hooks import UpdateHook
from mitmproxy.http import HTTPFlow

from addons.exchanges import Exchanges
from addons.inspection.plain import plain
from addons.inspection.recorded import follow, read
from addons.inspection.story import so_far
from addons.settings import Settings
from addons.views import VIEWS

EVERY = 1.0
"""Seconds between two looks at what is under way."""


class Masked(Contentview):
    """A view without secrets of this process: one that came piece by piece in a stream is whole only there."""

    def __init__(self, view: Contentview, mask: Callable[[str], str]) -> None:
        self.view = view
        self.mask = mask

    @property
    def name(self) -> str:
        """The view's own."""
        return self.view.name

    @property
    def syntax_highlight(self) -> SyntaxHighlight:
        """The view's own."""
        return self.view.syntax_highlight

    def prettify(self, data: bytes, metadata: Metadata) -> str:
        """The view's text."""
        return self.mask(self.view.prettify(data, metadata))

    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        """The view's own."""
        return self.view.render_priority(data, metadata)


class Show:
    """Registers `addons/views/`. Under mitmweb and mitmproxy the line of an exchange under way says where it is."""

    def __init__(self, exchanges: Exchanges, settings: Settings | None = None) -> None:
        self.exchanges = exchanges
        self.settings = settings
        self._telling: asyncio.Task[None] | None = None

    def load(self, loader: Loader) -> None:
        """mitmproxy starts."""
        follow(self._under_way)
        for view in VIEWS:
            contentviews.add(Masked(view, self._without_secrets))

    def _without_secrets(self, text: str) -> str:
        runtime = self.settings.runtime if self.settings is not None else None
        return runtime.redactor.masker.known_text(text) if runtime is not None else text

    def _under_way(self, flow: HTTPFlow) -> dict[str, Any] | None:
        exchange = self.exchanges.get(flow)
        return exchange.runtime.redactor.record(plain(exchange)) if exchange is not None else None

    # --- the list ---------------------------------------------------------------------------------------------------

    def running(self) -> None:
        """mitmproxy is up."""
        if ctx.master.addons.get("view") is not None and self._telling is None:
            self._telling = asyncio.get_running_loop().create_task(self._tell())

    def done(self) -> None:
        """mitmproxy ends, or the addons are loaded anew."""
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            told = self.tell(time.time())
            if told:
                await ctx.master.addons.trigger_event(UpdateHook(told))

    def tell(self, now: float) -> list[Flow]:
        """Write the lines of what has been under way for a while; gives those flows. now: seconds since the epoch."""
        told: list[Flow] = []
        for exchange in self.exchanges.live():
            flow = exchange.flow
            if now - flow.request.timestamp_start >= EVERY:
                found = read(flow, exchange.runtime.redactor.record(plain(exchange, bodies=False)), live=True)
                if found is not None:
                    flow.comment = so_far(found, now)
                    told.append(flow)
        return told
