"""The answer, assembled: what was said, what it came to, and how it came."""

from mitmproxy.contentviews import Contentview, Metadata
from mitmproxy.http import HTTPFlow

from addons.inspection.answer import answer, strangers
from addons.inspection.recorded import is_ours, recorded
from addons.inspection.spoken import dialect_of


class Answer(Contentview):
    """Of our exchanges, and of what other programs got from a known path."""

    def prettify(self, data: bytes, metadata: Metadata) -> str:
        """The answer as a person reads it, whichever side of the flow is looked at."""
        flow = metadata.flow
        found = recorded(flow)
        if found is not None:
            return answer(found)
        dialect = dialect_of(flow.request.path)[0] if isinstance(flow, HTTPFlow) else ""
        if not isinstance(flow, HTTPFlow) or flow.response is None or not dialect:
            return "no answer of a model"
        return strangers(flow.response.get_content(strict=False) or b"", dialect)

    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        """First choice for the response of an exchange."""
        flow = metadata.flow
        if not isinstance(flow, HTTPFlow) or metadata.http_message is not flow.response or not data:
            return -1
        return 2 if flow.request.method == "POST" and (is_ours(flow) or dialect_of(flow.request.path)[0]) else -1


view = Answer()
