"""A request beside the previous one of its conversation: what is new, and what broke the prompt cache."""

from mitmproxy.contentviews import Contentview, Metadata

from addons.inspection.recorded import recorded
from addons.inspection.turns import turn_diff
from addons.kept_flows import kept_flows


class TurnDiff(Contentview):
    """Of our exchanges alone."""

    name = "Turn diff"

    def prettify(self, data: bytes, metadata: Metadata) -> str:
        """The same text on both sides of a flow."""
        flow = metadata.flow
        found = recorded(flow)
        if found is None or flow is None:
            return "Not an exchange of cliproxy: it belongs to no conversation that is known."
        return turn_diff(found, lambda: kept_flows.before(flow))

    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        """For whoever asks for it."""
        return -1


view = TurnDiff()
