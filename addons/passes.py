"""Keys for requests that this process sends to itself: each opens the door once, and says what the request is.

A request that is sent again goes in by the front door, like a client's, so that everything which happens to a client's
request happens to it. The door may want a key; the person who sends it has none, and the recording must not hold one.
"""

import secrets
from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

AGAIN = "cliproxy.again"
"""Where a flow's metadata says that it was sent again: of (a flow's id), avoid (pairs of label and model)."""


class Again(NamedTuple):
    """A request that is sent again. of: the id of its flow. avoid: label and model of the credentials that answered it,
    which come last now. caller: whose request it was, as the guard noted it.
    """

    of: str
    avoid: tuple[tuple[str, str], ...] = ()
    caller: str = ""


MOST = 100
"""Passes that wait to be used; the oldest of more is void."""


class Passes:
    """Issued here, redeemed by the guard."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, Again] = OrderedDict()

    def issue(self, again: Again) -> str:
        """A pass: opens once."""
        made = f"again-{secrets.token_urlsafe(32)}"
        self._open[made] = again
        while len(self._open) > MOST:
            self._open.popitem(last=False)
        return made

    def redeem(self, presented: Iterable[str]) -> Again | None:
        """What the pass among the keys presented is for, and is then void; None if there is none."""
        if not self._open:
            return None
        return next((self._open.pop(key) for key in presented if key in self._open), None)

    def withdraw(self, made: str) -> None:
        """It was not used."""
        self._open.pop(made, None)
