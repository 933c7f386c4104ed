"""mitmweb's page, arranged for telling stories: wide comments in the list of flows, and lines that wrap.

As it comes, mitmweb gives a comment 150 pixels, and all that is left to the address, which is the same for every
exchange. Its page allows inline styles, so a few lines of CSS are put into it. Besides, the flow that was opened last
is the one that commands call `@focus`. In a mitmweb that is built otherwise nothing happens.
"""

from collections.abc import Callable
from typing import Any

from mitmproxy import ctx

COLUMNS = ["path", "comment", "status", "size", "time"]
STYLE = b"""<style>
.flow-table .col-path { width: 150px }
.flow-table td.col-path { direction: rtl; text-align: left }
.flow-table .col-comment { width: auto }
.flow-table td.col-comment { text-align: left; font-size: 13px }
.flow-table .col-time { width: 60px }
.main-view > .flow-table { flex: 1 1 42% }
.main-view > .flow-detail { flex: 1 1 58% }
.flow-table:has(~ .flow-detail) :is(.col-path, .col-size) { display: none }
.flow-detail .headers { font-size: 12px; line-height: 1.3 }
.flow-detail .contentview pre { white-space: pre-wrap; word-break: normal; overflow-wrap: anywhere; font-size: 12px }
.flow-detail .contentview pre > div { min-height: 1.43em; padding-left: 4ch; text-indent: -4ch }
.command-result { font: 12px monospace; white-space: pre-wrap; height: 160px; max-height: 160px }
.contentview .dropdown-menu.show { max-height: none; columns: 3; column-gap: 0 }
.contentview .dropdown-menu.show > li > a { font-size: 12px; padding: 2px 8px }
</style>
</head>"""
"""The end of an address says more than its beginning. Beside an open flow the list keeps comment, status and time, so
that a view has 100 columns on a small screen. Empty lines have a height, wrapped ones hang; the menu of views is seen
whole.
"""


class WebPage:
    """Only with mitmweb. Columns that one has chosen oneself stay."""

    def __init__(self) -> None:
        self._arranged = False

    def configure(self, _updated: set[str]) -> None:
        """Once, when mitmweb's options are there."""
        if self._arranged or "web_columns" not in ctx.options:
            return
        self._arranged = True
        if not ctx.options._options["web_columns"].has_changed():
            ctx.options.update(web_columns=COLUMNS)
        routes: list[Any] = getattr(getattr(getattr(ctx.master, "app", None), "wildcard_router", None), "rules", [])
        for route in routes:
            change = CHANGES.get(getattr(route.target, "__name__", ""))
            if change is not None:
                route.target = change(route.target)


def with_style(page: type[Any]) -> type[Any]:
    """The handler of a page (one of tornado's) whose head ends with `STYLE`."""

    def render_string(self: Any, template_name: str, **values: Any) -> bytes:
        rendered: bytes = page.render_string(self, template_name, **values)
        return rendered.replace(b"</head>", STYLE)

    return type(page.__name__, (page,), {"render_string": render_string})


def with_focus(content: type[Any]) -> type[Any]:
    """The handler of bodies, which a browser asks for when a flow is opened: it is then what `@focus` means.

    mitmweb keeps to itself which flow was clicked, so that commands with `@focus` would be about the first one.
    """

    def get(self: Any, *path: Any, **named: Any) -> Any:
        view, flow = self.view, self.flow
        if flow in view:
            view.focus.flow = flow
        return content.get(self, *path, **named)

    return type(content.__name__, (content,), {"get": get})


CHANGES: dict[str, Callable[[type[Any]], type[Any]]] = {"IndexHandler": with_style, "FlowContentView": with_focus}
"""Name of a handler of mitmweb's → what is done to it."""
