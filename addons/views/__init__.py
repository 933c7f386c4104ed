"""What a person sees of an exchange beyond mitmproxy's own views: one file a view, listed here."""

from mitmproxy.contentviews import Contentview

from addons.views import conversation, translation

VIEWS: tuple[Contentview, ...] = (conversation.view, translation.view)
"""In the order of their names, as menus have them."""
