"""What became of the client's request on its way upstream, and what the client was not told of the answer."""

from mitmproxy.contentviews import Contentview, Metadata

from addons.inspection.comparison import comparison
from addons.inspection.recorded import recorded


class Translation(Contentview):
    """Of our exchanges alone."""

    def prettify(self, data: bytes, metadata: Metadata) -> str:
        """The same text on both sides of a flow."""
        found = recorded(metadata.flow)
        return comparison(found) if found is not None else "Not an exchange of cliproxy: nothing was translated."

    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        """For whoever asks for it."""
        return -1


view = Translation()
