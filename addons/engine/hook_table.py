"""Who has something to say about an event: looked up once, not at every event.

mitmproxy walks all its addons for each hook of each request. Here the handlers of an event are kept until addons or
options change, and
where none of them wants to be awaited they run at once, without a task and a turn of the loop.
"""

import inspect
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from mitmproxy import addonmanager, exceptions, hooks
from mitmproxy.flow import Flow
from mitmproxy.master import Master

# Default addons whose hooks return at once while all of these options are unset (mitmproxy 12.2.3). They stay where
# they are, with their options and commands, and have their hooks back as soon as one of the options is set.
RESTS_WITHOUT: dict[str, tuple[str, ...]] = {
    "anticache": ("anticache",),
    "anticomp": ("anticomp",),
    "blocklist": ("block_list",),
    "dumper": ("flow_detail",),
    "maplocal": ("map_local",),
    "mapremote": ("map_remote",),
    "modifybody": ("modify_body",),
    "modifyheaders": ("modify_headers",),
    "onboarding": ("onboarding",),
    "proxyauth": ("proxyauth",),
    "save": ("save_stream_file",),
    "savehar": ("hardump",),
    "stickyauth": ("stickyauth",),
    "stickycookie": ("stickycookie",),
    "upstreamauth": ("upstream_auth",),
}

type Handler = Callable[..., Any]
type Groups = tuple[tuple[Handler, ...], ...]


class HookTable:
    """Stands in for the walk of AddonManager.trigger_event over all addons and their sub-addons.

    `handlers` is kept for each event name until the chain of addons, a loaded script or an option changes. What cannot
    be seen: an addon that gives itself a new hook method, or changes its list of sub-addons without registering them.
    """

    def __init__(self, master: Master, *, resting: bool) -> None:
        self.master = master
        self.manager = master.addons
        self.resting = resting
        self._known: dict[str, Groups | None] = {}
        self._awaited: dict[str, bool] = {}
        self._chain: list[Any] = []
        self._length = -1
        self._scripts: list[Any] = []

    def forget(self, *_: object, **__: object) -> None:
        """Look everything up anew at the next event."""
        self._length = -1

    def handlers(self, name: str) -> Groups | None:
        """The handlers of an event, those of one addon of the chain in one group; None: leave it to mitmproxy."""
        chain = self.manager.chain
        scripts = [script.ns for script in self._loaded()]
        if chain is not self._chain or len(chain) != self._length or scripts != self._scripts:
            self._known.clear()
            self._awaited.clear()
            self._chain, self._length, self._scripts = chain, len(chain), scripts
        try:
            return self._known[name]
        except KeyError:
            self._known[name] = found = self._find(name)
            return found

    def _loaded(self) -> list[Any]:
        loader = self.manager.lookup.get("scriptloader")
        return loader.addons if loader is not None else []

    def _find(self, name: str) -> Groups | None:
        groups = []
        for addon in self.manager.chain:
            if self.resting and self._rests(addon):
                continue
            group = []
            for part in with_parts(addon):
                handler = getattr(part, name, None)
                if callable(handler):
                    group.append(handler)
                elif handler and not isinstance(handler, ModuleType):
                    return None
            if group:
                groups.append(tuple(group))
        return tuple(groups)

    def _rests(self, addon: object) -> bool:
        if not type(addon).__module__.startswith("mitmproxy.addons."):
            return False
        named = RESTS_WITHOUT.get(type(addon).__name__.lower())
        options = self.master.options
        return named is not None and not any(getattr(options, option) for option in named)

    async def trigger_event(self, event: hooks.Hook) -> None:
        """As AddonManager.trigger_event: in order, errors logged, AddonHalt ends it."""
        groups = self.handlers(event.name)
        if groups is None:
            await addonmanager.AddonManager.trigger_event(self.manager, event)
        elif groups:
            await self._call(groups, event.args())

    async def handle_lifecycle(self, event: hooks.Hook) -> None:
        """As AddonManager.handle_lifecycle: the event, then an update of the flow if it has one."""
        await self.trigger_event(event)
        message = event.args()[0]
        if isinstance(message, Flow) and self.handlers("update") != ():
            await self.trigger_event(hooks.UpdateHook([message]))

    def fire(self, event: hooks.Hook) -> bool:
        """As handle_lifecycle, but at once: no task, no turn of the loop. False: a handler wants to be awaited, so
        nothing was done.
        """
        message = event.args()[0]
        groups = self._plain(event.name)
        updates = self._plain("update") if isinstance(message, Flow) else ()
        if groups is None or updates is None:
            return False
        if groups:
            self._call_now(groups, event.args())
        if updates:
            self._call_now(updates, [[message]])
        return True

    def _plain(self, name: str) -> Groups | None:
        """The handlers of an event if all of them are plain functions."""
        groups = self.handlers(name)
        if name not in self._awaited:
            each = [handler for group in groups or () for handler in group]
            self._awaited[name] = groups is None or any(inspect.iscoroutinefunction(handler) for handler in each)
        return None if self._awaited[name] else groups

    def _call_now(self, groups: Groups, arguments: list[Any]) -> None:
        for group in groups:
            try:
                for handler in group:
                    handler(*arguments)
            except exceptions.AddonHalt:
                return
            except exceptions.OptionsError:
                raise
            except Exception as error:
                _log_addon_error(error, "_call_now")

    async def _call(self, groups: Groups, arguments: list[Any]) -> None:
        for group in groups:
            try:
                for handler in group:
                    result = handler(*arguments)
                    if result is not None and inspect.isawaitable(result):
                        await result
            except exceptions.AddonHalt:
                return
            except exceptions.OptionsError:
                raise
            except Exception as error:
                _log_addon_error(error, "_call")


def _log_addon_error(error: Exception, inside: str) -> None:
    cut: Any = addonmanager.cut_traceback  # it has no annotations
    trace = cut(error.__traceback__, inside)
    addonmanager.logger.error(f"Addon error: {error}", exc_info=(type(error), error, trace))


def with_parts(addon: Any) -> Iterator[Any]:
    """An addon and all addons in it, in mitmproxy's order."""
    yield addon
    for part in getattr(addon, "addons", ()):
        yield from with_parts(part)
