"""Asking for an upstream connection."""

from dataclasses import dataclass

from mitmproxy.proxy.layers.http import GetHttpConnection


@dataclass(eq=False)
class Connect(GetHttpConnection):
    """mitmproxy's request for an upstream connection, with the time (monotonic) since which it waits."""

    since: float = 0.0
