"""What a person sees of an exchange beyond mitmproxy's own views: one file a view, listed here."""

from mitmproxy.contentviews import Contentview

from addons.views import answer, conversation, translation, turn_diff, wires

VIEWS: tuple[Contentview, ...] = (
    answer.view,
    wires.attempts,
    conversation.view,
    wires.client_response,
    translation.view,
    turn_diff.view,
    wires.upstream_request,
    wires.upstream_response,
)
"""In the order of their names, as menus have them."""
