"""The engine's own events. mitmproxy turns each into an (async) addon hook of the same name and waits for it."""

from dataclasses import dataclass

from mitmproxy.http import HTTPFlow
from mitmproxy.proxy.commands import StartHook


@dataclass
class CliproxyAttemptHook(StartHook):
    """Who shall try next? The addon that knows sets `exchange.wire`, or `exchange.refusal` if nobody can."""

    flow: HTTPFlow


@dataclass
class CliproxyResumeHook(StartHook):
    """Nobody listens: mitmproxy waits after a hook for as long as its flow is intercepted."""

    flow: HTTPFlow


@dataclass
class CliproxyChunkHook(StartHook):
    """A local source is asked for its next chunk: `exchange.chunk`, None at its end."""

    flow: HTTPFlow
