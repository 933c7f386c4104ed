"""The same conversation, the same credential: an upstream's prompt cache belongs to the account that filled it.

A conversation is bound to the credential that first answered it. While that one takes a short rest another stands in,
the same one each time; then it is its turn again. If it rests for longer than upstreams keep a cache, or was refused,
the conversation is bound to whoever answers instead.
"""

import time
from typing import NamedTuple

from addons.exchanges import Exchange
from addons.memory import Shelf
from addons.sessions import identities
from credentials.outcomes import Verdict

SHORT_REST = 300.0
"""Seconds that upstreams keep a prompt cache at least (Anthropic: 5 minutes, OpenAI: 5 to 10)."""

COUNT = 65536
_SIZE = 256


class Bond(NamedTuple):
    """credential: the one that a conversation belongs to. stand_in: who answers while it rests, "" not known yet."""

    credential: str
    stand_in: str = ""


class Affinity:
    """Remembers who answers which conversation, within bounds. Does nothing unless the config asks for it."""

    def __init__(self) -> None:
        self._bonds: Shelf[Bond] = Shelf(count=COUNT)
        self._age = 0.0

    def __len__(self) -> int:
        return len(self._bonds)

    def preferred(self, exchange: Exchange) -> str:
        """The id of the credential that should answer; "" if none is known or both rest."""
        now = time.time()
        bond = self._bond(exchange, now)
        if bond is None or exchange.resolution is None:
            return ""
        tried = {key.partition("\t")[0] for key in exchange.tried}
        for credential in (bond.credential, bond.stand_in):
            awake = exchange.runtime.pool.awake_at(credential, exchange.resolution) if credential else None
            if awake is not None and awake <= now and credential not in tried:
                return credential
        return ""

    def failed(self, exchange: Exchange, verdict: Verdict) -> None:
        """An attempt failed: a refusal that is no passing one ends the bond."""
        now = time.time()
        bond = self._bond(exchange, now)
        if bond is None or verdict.keeps_session or verdict.refresh or exchange.lease is None:
            return
        if bond.credential == exchange.lease.credential.id:
            self._put(exchange, Bond(""), now)

    def answered(self, exchange: Exchange) -> None:
        """The answer is out: whoever gave it is bound to the conversation, or stands in."""
        if exchange.lease is None or exchange.resolution is None or exchange.call.operation == "count_tokens":
            return
        now, answerer = time.time(), exchange.lease.credential.id
        keys = self._keys(exchange)
        if not keys:
            return
        bond = self._bond(exchange, now)
        if bond is None or not bond.credential or bond.credential == answerer:
            self._put(exchange, Bond(answerer), now)
            return
        awake = exchange.runtime.pool.awake_at(bond.credential, exchange.resolution)
        returns = awake is not None and awake - now <= SHORT_REST
        self._put(exchange, Bond(bond.credential, answerer) if returns else Bond(answerer), now)

    def _bond(self, exchange: Exchange, now: float) -> Bond | None:
        return next((bond for key in self._keys(exchange) if (bond := self._bonds.get(key, now)) is not None), None)

    def _put(self, exchange: Exchange, bond: Bond, now: float) -> None:
        for key in self._keys(exchange):
            self._bonds.put(key, bond, _SIZE, now)

    def _keys(self, exchange: Exchange) -> tuple[str, ...]:
        """Under which names the conversation is kept: for each caller and model apart."""
        routing, resolution = exchange.runtime.config.routing, exchange.resolution
        if not routing.session_affinity or resolution is None or len(exchange.runtime.credentials) < 2:
            return ()
        if routing.session_affinity_ttl != self._age:
            self._age = routing.session_affinity_ttl
            self._bonds = Shelf(count=COUNT, age=self._age)
        if exchange.session is None:
            exchange.session = identities(exchange.headers, exchange.body, routing.session_affinity_subagents)
        return tuple(f"{exchange.caller}\0{resolution.route}\0{name}" for name in exchange.session)
