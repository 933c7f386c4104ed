"""Gives mitmproxy our views, and lets them see exchanges that are under way."""

from typing import Any

from mitmproxy import contentviews
from mitmproxy.addonmanager import Loader
from mitmproxy.http import HTTPFlow

from addons.exchanges import Exchanges
from addons.inspection.plain import plain
from addons.inspection.recorded import follow
from addons.views import VIEWS


class Show:
    """Registers `addons/views/`."""

    def __init__(self, exchanges: Exchanges) -> None:
        self.exchanges = exchanges

    def load(self, loader: Loader) -> None:
        """mitmproxy starts."""
        follow(self._under_way)
        for view in VIEWS:
            contentviews.add(view)

    def _under_way(self, flow: HTTPFlow) -> dict[str, Any] | None:
        exchange = self.exchanges.get(flow)
        return plain(exchange) if exchange is not None else None
