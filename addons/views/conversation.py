"""The conversation of a request, in any dialect, with what its context is made of."""

from mitmproxy.contentviews import Contentview, Metadata
from mitmproxy.http import HTTPFlow

from addons.inspection.conversation import conversation
from addons.inspection.recorded import is_ours, recorded
from addons.inspection.spoken import Spoken, dialect_of, spoken


class Conversation(Contentview):
    """Of our exchanges, and of what other programs sent to a known path."""

    def prettify(self, data: bytes, metadata: Metadata) -> str:
        """The request as a person reads it, whichever side of the flow is looked at."""
        flow = metadata.flow
        found = recorded(flow)
        if found is not None:
            said = (
                Spoken(found.client, None, f"the request has {found.oversize:,} bytes, which is too large to be taken")
                if found.oversize
                else spoken(found.body, found.client, found.model, found.stream)
            )
            usage = found.usage
            return conversation(said, found.body, usage.input if usage else None, usage.cache_read if usage else None)
        if not isinstance(flow, HTTPFlow):
            return conversation(Spoken("", None, "not a request to a model"), data)
        body = flow.request.get_content(strict=False) or b""
        return conversation(spoken(body, *dialect_of(flow.request.path)), body)

    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        """First choice for the request of an exchange."""
        flow = metadata.flow
        if not isinstance(flow, HTTPFlow) or metadata.http_message is not flow.request or not data:
            return -1
        return 2 if flow.request.method == "POST" and (is_ours(flow) or dialect_of(flow.request.path)[0]) else -1


view = Conversation()
