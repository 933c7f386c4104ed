"""What a conversation needs and its client does not carry: answers with their seals, and whose account made a seal.

The translators ask for nothing and keep nothing; this is the one place that remembers, for some hours, within bounds,
by hashes. A restart forgets; then the request goes without what was forgotten.
"""

import hashlib
import re
import time
from collections import OrderedDict

import msgspec
from mitmproxy.http import HTTPFlow

from addons.exchanges import Exchange, Exchanges
from credentials.pool import Lease
from translators import recall, seals
from translators.losses import Ledger
from translators.model import Request
from translators.parts import Part

COUNT = 4096
SIZE = 64 * 1024 * 1024
AGE = 6 * 3600.0

_ENCRYPTED = re.compile(rb'"encrypted_content"\s*:\s*"([^"\\]+)"')
_PLAIN = re.compile(rb"cliproxy\.1\.[A-Za-z0-9_-]+")
_ENVELOPES = ((_PLAIN, b"cliproxy.1."), (re.compile(rb"[A-Za-z0-9+/_-]+=*"), b"Y2xpcHJveHkuMS"))


class Shelf[T]:
    """Values by key: the ones used last, at most COUNT of them, SIZE bytes and AGE seconds."""

    def __init__(self, count: int = COUNT, size: int = SIZE, age: float = AGE) -> None:
        self._count, self._size, self._age = count, size, age
        self._kept: OrderedDict[str, tuple[float, int, T]] = OrderedDict()
        self.size = 0

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, key: str, value: T, size: int, now: float) -> None:
        """Keep a value; what is old, or least used, makes room."""
        self._drop(key)
        self._kept[key] = now, size, value
        self.size += size
        while self._kept:
            oldest, (used, _, _) = next(iter(self._kept.items()))
            if len(self._kept) <= self._count and self.size <= self._size and now - used <= self._age:
                break
            self._drop(oldest)

    def get(self, key: str, now: float) -> T | None:
        """A value; being asked for keeps it young, so that a conversation under way loses nothing in its middle."""
        found = self._kept.get(key)
        if found is None or now - found[0] > self._age:
            return None
        self._kept[key] = now, found[1], found[2]
        self._kept.move_to_end(key)
        return found[2]

    def _drop(self, key: str) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self.size -= found[1]


class Memory:
    """Remembers answers to clients that cannot carry their seals, and the makers of seals that bind an account."""

    def __init__(self, exchanges: Exchanges) -> None:
        self.exchanges = exchanges
        self.answers: Shelf[list[Part]] = Shelf()
        self.makers: Shelf[str] = Shelf(count=65536)

    def response(self, flow: HTTPFlow) -> None:
        """The answer is out, and whole."""
        exchange = self.exchanges.get(flow)
        if exchange is None or exchange.lease is None or exchange.pump is None or not exchange.pump.ended:
            return
        lease, now = exchange.lease, time.time()
        if lease.provider.vendor in seals.ACCOUNT_BOUND:
            for data in _ENCRYPTED.findall(exchange.attempt.raw.bytes()):
                self.makers.put(_digest(data), lease.credential.id, 128, now)
        if exchange.client.carries_seals or exchange.request is None:
            return
        reply = exchange.pump.answer()
        if reply is None or len(reply.candidates) != 1:
            return
        parts = reply.candidates[0].parts
        if recall.worth_keeping(parts):
            key = recall.key_of(_scope(exchange, lease), exchange.request, parts)
            self.answers.put(key, parts, len(msgspec.json.encode(parts)), now)

    def restored(self, exchange: Exchange, lease: Lease, request: Request, ledger: Ledger) -> Request:
        """The request as its client would have sent it, had it a place for everything it was given."""
        if exchange.client.carries_seals or not len(self.answers):
            return request
        now = time.time()
        return recall.restore(request, _scope(exchange, lease), lambda key: self.answers.get(key, now), ledger)

    def is_foreign(self, data: str, lease: Lease) -> bool:
        """Whether another account than the lease's has made this seal, as far as we remember."""
        maker = self.makers.get(_digest(data.encode()), time.time())
        return maker is not None and maker != lease.credential.id

    def maker(self, exchange: Exchange) -> str:
        """The id of the credential that made the latest seals of a conversation that binds its account; "" if none."""
        if len(exchange.runtime.credentials) < 2:
            return ""
        if len(self.makers):
            for data in _ENCRYPTED.findall(exchange.body)[-1:]:
                if known := self.makers.get(_digest(data), time.time()):
                    return known
        for pattern, first in _ENVELOPES:
            at = exchange.body.rfind(first)
            found = pattern.match(exchange.body, at) if at >= 0 else None
            envelope = found[0].decode() if found is not None else ""
            for seal in seals.unwrap(envelope.translate(_STANDARD) if pattern is not _PLAIN else envelope) or ():
                for credential in exchange.runtime.credentials if seal.account else ():
                    if seals.account_mark(credential.id) == seal.account:
                        return credential.id
        return ""


_STANDARD = str.maketrans("-_", "+/")


def _scope(exchange: Exchange, lease: Lease) -> str:
    return "\0".join((exchange.caller, lease.provider.vendor, lease.model))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
