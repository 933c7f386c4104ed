"""What went over the wires, attempt by attempt, and the attempts themselves."""

import time
from collections.abc import Callable

from mitmproxy.contentviews import Contentview, Metadata, SyntaxHighlight

from addons.inspection.artefacts import emitted, upstream_requests, upstream_responses
from addons.inspection.recorded import Recorded, recorded
from addons.inspection.timeline import timeline


class Told(Contentview):
    """Something that is told of an exchange of ours, whichever side of the flow is looked at; never chosen unasked."""

    def __init__(self, name: str, tell: Callable[[Recorded], str], highlight: SyntaxHighlight = "none") -> None:
        self._name, self._tell, self._highlight = name, tell, highlight

    @property
    def name(self) -> str:
        """As it stands in menus."""
        return self._name

    @property
    def syntax_highlight(self) -> SyntaxHighlight:
        """Headers, frames and JSON read well as YAML."""
        return self._highlight

    def prettify(self, data: bytes, metadata: Metadata) -> str:
        """The text, or why there is none."""
        found = recorded(metadata.flow)
        return self._tell(found) if found is not None else "no exchange of cliproxy's: nothing was recorded"

    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        """Only by choice."""
        return -1


# mitmweb asks for views by name in a path that takes letters, digits, blanks, - and _ alone.
attempts = Told("Attempts", lambda found: timeline(found, time.time()))
client_response = Told("Emitted", emitted, "yaml")
upstream_request = Told("Upstream request", upstream_requests, "yaml")
upstream_response = Told("Upstream response", upstream_responses, "yaml")
