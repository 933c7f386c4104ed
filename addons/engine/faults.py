"""Failures that the engine itself sees, in words: where, what, and what to look at."""

from addons.exchanges import Wire
from translators.model import Failure


def late(message: str) -> Failure:
    """An upstream took too long."""
    return Failure(kind="timeout", message=message, origin="cliproxy")


def page(url: str, kind: str) -> Failure:
    """Status 200, and HTML."""
    message = f"{url} answered 200 with {kind}, which is a page and no answer of an API; is the base URL right (…/v1)?"
    return Failure(kind="upstream", message=message, origin="cliproxy")


def unreachable(wire: Wire, error: str) -> Failure:
    """Refused, no such host, no TLS, too slow to connect."""
    where = f"{wire.scheme}://{wire.host}:{wire.port}"
    through = f" through the proxy {wire.via[1][0]}:{wire.via[1][1]}" if wire.via else ""
    return Failure(
        kind="upstream", message=f"cannot connect to {where}{through}: {error}", origin="cliproxy", code="connect"
    )
