"""mitmproxy's decorator for commands, with types: its own has none."""

from collections.abc import Callable

from mitmproxy import command as mitmproxy_command


def command[F: Callable[..., object]](name: str) -> Callable[[F], F]:
    """Make a method a command of that name. Its arguments and result must have types that commands know."""
    decorator: Callable[[F], F] = mitmproxy_command.command(name)
    return decorator
