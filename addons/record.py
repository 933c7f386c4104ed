"""What stays of an exchange when it is over: plain data in the flow, one line that tells the story, and a sign."""

from collections.abc import Callable

from mitmproxy import ctx
from mitmproxy.http import HTTPFlow

from addons.exchanges import Exchanges
from addons.inspection.checking import check
from addons.inspection.plain import KEY, plain
from addons.inspection.recorded import recorded
from addons.inspection.story import marker, story
from addons.kept_flows import SHOWS_VIEWS


class Record:
    """The last addon: it sees what everyone did, and closes the exchange."""

    def __init__(self, exchanges: Exchanges, wanted: Callable[[HTTPFlow], bool] = lambda flow: False) -> None:
        """wanted: whether somebody needs the record of this flow even where nobody can look."""
        self.exchanges = exchanges
        self._wanted = wanted
        self.listed = True
        self.seen = True

    def running(self) -> None:
        """mitmproxy is up: is there a list of flows, or a file? Can anybody see what is recorded?"""
        addons, options = ctx.master.addons, ctx.options
        self.listed = bool(options.save_stream_file) or addons.get("view") is not None
        printed = "flow_detail" in options and options.flow_detail >= SHOWS_VIEWS
        scripts = addons.get("scriptloader")  # others than ours may read a flow's metadata
        self.seen = self.listed or printed or scripts is None or len(scripts.addons) > 1

    def configure(self, updated: set[str]) -> None:
        """An option changed."""
        if updated & {"save_stream_file", "flow_detail", "scripts"}:
            self.running()

    def response(self, flow: HTTPFlow) -> None:
        """A good end, or a refusal."""
        self._close(flow)

    def error(self, flow: HTTPFlow) -> None:
        """The client left, or the answer broke."""
        self._close(flow)

    def _close(self, flow: HTTPFlow) -> None:
        exchange = self.exchanges.close(flow)
        if exchange is None or not (self.seen or self._wanted(flow)):
            return
        pump = exchange.pump
        kept = plain(exchange, check(exchange), pump.usage if pump else None, pump.stop if pump else None)
        flow.metadata[KEY] = kept = exchange.runtime.redactor.record(kept)
        response = flow.response
        if response is not None and response.data.content == kept["emitted"]:
            response.data.content = kept["emitted"]  # one copy is enough
        if self.listed:
            tell(flow)


def tell(flow: HTTPFlow) -> None:
    """Write the line and the sign of what was recorded; a sign that a person set stays."""
    found = recorded(flow)
    if found is not None:
        flow.comment = story(found)
        flow.marked = flow.marked or marker(found)
