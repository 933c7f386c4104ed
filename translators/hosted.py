"""Tools of a vendor, as other vendors can be told of them."""

from collections.abc import Container
from typing import Any

import msgspec
from msgspec.structs import replace

from translators.losses import Ledger
from translators.model import HostedTool, Request, Tool
from translators.parts import Vendor


def declared(tool: HostedTool) -> dict[str, Any]:
    """The settings of a hosted tool's declaration: what it says beyond its type and name, and does not leave empty."""
    try:
        said = msgspec.json.decode(tool.native, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}
    if isinstance(inner := said.get(tool.name), dict):  # Google's tools are fields
        said = inner
    beside = ("type", "name", "cache_control")
    return {name: value for name, value in said.items() if name not in beside and value not in (None, {}, [])}


_LIMITS = frozenset({"allowed_domains", "blocked_domains", "filters", "excludeDomains"})
"""Settings without which a search may find what it must not."""


def lose_settings(tool: HostedTool, kept: Container[str], ledger: Ledger) -> None:
    """Record the settings of `tool` that its stand-in at another vendor cannot take: all that are not in `kept`."""
    for name, value in declared(tool).items():
        if name not in kept and value != {"type": "auto"}:
            ledger.lose(f"{tool.at}.{name}", "a setting the stand-in does not have", semantic=name in _LIMITS)


def with_functions(request: Request, vendor: Vendor, ledger: Ledger) -> Request:
    """The request with functions in the place of tools that another vendor defined but the client runs.

    Such a tool (`HostedTool.function`) is known to its vendor's models by training; others are told its schema. Rule:
    `tool-as-function`.
    """
    known: dict[str, str] = {}
    tools: list[Tool] = []
    for tool in request.tools:
        if not isinstance(tool, HostedTool) or tool.function is None or tool.vendor == vendor:
            tools.append(tool)
            continue
        ledger.apply("tool-as-function", tool.at, tool.function.name)
        lose_settings(tool, (), ledger)
        known[tool.kind] = tool.function.name
        tools.append(tool.function)
    if not known:
        return request
    choice = request.tool_choice
    if choice is not None and choice.hosted in known:
        choice = replace(choice, only=[known[choice.hosted]], hosted="")
    return replace(request, tools=tools, tool_choice=choice)
