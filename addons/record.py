"""What stays of an exchange when it is over: plain data in the flow, one line that tells the story, and a sign."""

from mitmproxy import ctx
from mitmproxy.http import HTTPFlow

from addons.exchanges import Exchanges
from addons.inspection.checking import check
from addons.inspection.plain import KEY, plain
from addons.inspection.recorded import recorded
from addons.inspection.story import marker, story


class Record:
    """The last addon: it sees what everyone did, and closes the exchange."""

    def __init__(self, exchanges: Exchanges) -> None:
        self.exchanges = exchanges
        self.watched = True

    def running(self) -> None:
        """mitmproxy is up: is there a list of flows that somebody may look at, or a file?"""
        self.watched = bool(ctx.options.save_stream_file) or ctx.master.addons.get("view") is not None

    def configure(self, updated: set[str]) -> None:
        """An option changed."""
        if "save_stream_file" in updated:
            self.running()

    def response(self, flow: HTTPFlow) -> None:
        """A good end, or a refusal."""
        self._close(flow)

    def error(self, flow: HTTPFlow) -> None:
        """The client left, or the answer broke."""
        self._close(flow)

    def _close(self, flow: HTTPFlow) -> None:
        exchange = self.exchanges.close(flow)
        if exchange is None:
            return
        pump = exchange.pump
        kept = plain(exchange, check(exchange), pump.usage if pump else None, pump.stop if pump else None)
        flow.metadata[KEY] = kept = exchange.runtime.redactor.record(kept)
        response = flow.response
        if response is not None and response.data.content == kept["emitted"]:
            response.data.content = kept["emitted"]  # one copy is enough
        if self.watched:
            tell(flow)


def tell(flow: HTTPFlow) -> None:
    """Write the line and the sign of what was recorded; a sign that a person set stays."""
    found = recorded(flow)
    if found is not None:
        flow.comment = story(found)
        flow.marked = flow.marked or marker(found)
