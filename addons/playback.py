"""Plays the answer that a cassette has for an exchange, or says loudly that it has none. Nobody is asked."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator

from mitmproxy import http

from addons.cassette import Cassette, Recording
from addons.exchanges import Attempt, Exchange, Tape, Wire
from providers.address import HOP_BY_HOP
from translators.model import Failure
from translators.pump import Pump, PumpBase

log = logging.getLogger(__name__)

MISS = "cassette_miss"
"""The code of the error for a request that was not recorded. Its status is 404, which no SDK tries again."""

_NOT_PLAYED = HOP_BY_HOP | {"content-length", "content-encoding", "date", "set-cookie"}


class Played(PumpBase):
    """Passes on what the client got then, as it is."""

    def feed(self, chunk: bytes) -> bytes:
        """See Pump."""
        self.committed = True
        return chunk

    def finish(self, cause: Failure | None = None) -> bytes:
        """See Pump."""
        self.committed = self.ended = True
        return b""


def play(exchange: Exchange, cassette: Cassette) -> None:
    """Set the wire of a recorded stream, the response of any other recorded answer, or the refusal."""
    if exchange.flow.response is not None:
        return
    redactor = exchange.runtime.redactor
    asked = redactor.masker.body(exchange.body)  # recordings hold no keys: they are compared without
    found = cassette.next(exchange.call, asked, quoting=redactor.hider is None)
    if isinstance(found, str):
        log.warning("cassette: %s", found)
        exchange.refusal = Failure(kind="not_found", message=found, code=MISS, origin="cliproxy")
        return
    headers = [(name, value) for name, value in found.headers if name.lower() not in _NOT_PLAYED]
    attempt = _attempt(exchange, cassette, found, headers)
    exchange.attempts.append(attempt)
    if exchange.asked.stream and found.status == 200:
        exchange.wire = _wire(exchange, cassette, found)
        return
    attempt.raw.add(found.said)
    attempt.ended = attempt.first_byte = time.time()
    exchange.emitted.add(found.said)
    fields = [(name.encode(), value.encode(errors="surrogateescape")) for name, value in headers]
    exchange.flow.response = http.Response.make(found.status, found.said, http.Headers(fields))


def _attempt(exchange: Exchange, cassette: Cassette, found: Recording, headers: list[tuple[str, str]]) -> Attempt:
    return Attempt(
        number=1,
        label="cassette",
        provider="cassette",
        dialect=exchange.client.name,
        model=exchange.asked.model,
        url=f"{cassette.path.name}#{found.number}",
        started=time.time(),
        headers=[],
        body=b"",
        raw=Tape(exchange.keep),
        status=found.status,
        answer_headers=headers,
    )


def _wire(exchange: Exchange, cassette: Cassette, found: Recording) -> Wire:
    def pump(_streamed: bool) -> Pump:
        return Played()

    return Wire(
        scheme="local",
        host="cassette",
        port=0,
        path="/",
        headers=[],
        body=b"",
        read_failure=exchange.client.read_failure,
        make_pump=pump,
        chunks=_chunks(found, paced=cassette.paced),
        streamed=True,
    )


async def _chunks(found: Recording, *, paced: bool) -> AsyncIterator[bytes]:
    """The answer, in the steps in which it was recorded where that is wanted, else at once."""
    at, ms = 0, 0
    for mark in found.marks if paced else ():
        if at < mark.size <= len(found.said):
            await asyncio.sleep((mark.ms - ms) / 1000)
            yield found.said[at : mark.size]
            at, ms = mark.size, mark.ms
    if at < len(found.said):
        yield found.said[at:]
