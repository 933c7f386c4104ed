"""The flows that are at hand when one of them is looked at: mitmproxy's own list; where it has none, the last few."""

from collections import deque
from collections.abc import Iterator

from mitmproxy import ctx
from mitmproxy.addons.view import View
from mitmproxy.flow import Flow
from mitmproxy.http import HTTPFlow

from addons.inspection.recorded import Recorded, is_ours, recorded

LAST = 16
"""Flows that are remembered under mitmdump while it prints what is in them."""
AROUND = 400
"""Flows that are looked through, the latest first."""


class KeptFlows:
    """Finds what else was asked. Keeps nothing where mitmproxy has a list, or where nobody looks at views."""

    def __init__(self) -> None:
        self._last: deque[HTTPFlow] = deque(maxlen=LAST)

    def response(self, flow: HTTPFlow) -> None:
        """An exchange is over, or comes out of a file."""
        self._remember(flow)

    def error(self, flow: HTTPFlow) -> None:
        """One that broke."""
        self._remember(flow)

    def _remember(self, flow: HTTPFlow) -> None:
        printed = "flow_detail" in ctx.options and ctx.options.flow_detail >= SHOWS_VIEWS
        if printed and _list() is None:
            self._last.append(flow)

    def before(self, flow: Flow) -> Iterator[Recorded]:
        """What is recorded of our flows that began before this one, the latest first."""
        listed = _list()
        flows: list[Flow] = list(self._last) if listed is None else list(listed.resolve("@all"))
        began = flow.timestamp_start
        ours = [one for one in flows if one is not flow and is_ours(one) and one.timestamp_start < began]
        ours.sort(key=lambda one: one.timestamp_start, reverse=True)
        for one in ours[:AROUND]:
            found = recorded(one)
            if found is not None:
                yield found


SHOWS_VIEWS = 3
"""The detail from which mitmdump prints bodies, in views."""


def _list() -> View | None:
    """mitmweb's and mitmproxy's; there is no master where a view is asked outside of them."""
    master = getattr(ctx, "master", None)
    found = master.addons.get("view") if master is not None else None
    return found if isinstance(found, View) else None


kept_flows = KeptFlows()
