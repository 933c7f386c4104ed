"""The body of an answer that is an error, read to its end (or to where it cannot matter to anybody)."""

from addons.engine import faults
from addons.engine.decoding import Decoder
from addons.exchanges import Attempt, Wire
from translators.model import Failure

LARGEST = 1 << 20
"""Bytes that are read."""


class ErrorAnswer:
    """Collects; `failure` says in the end what it was."""

    def __init__(self, attempt: Attempt, decoder: Decoder | None) -> None:
        self._attempt = attempt
        self._decoder = decoder
        self._body: list[bytes] = []
        self._size = 0

    @property
    def full(self) -> bool:
        """More will not be read."""
        return self._size >= LARGEST

    def add(self, data: bytes) -> None:
        """Take bytes as they come from the upstream."""
        self._size += len(data)
        self._attempt.raw.add(data)
        try:
            self._body.append(self._decoder.decode(data) if self._decoder else data)
        except ValueError:
            self._body.append(data)

    def failure(self, wire: Wire) -> Failure:
        """What the upstream said, read in its own dialect; a page that came with status 200 says nothing of use."""
        attempt = self._attempt
        headers = {name.lower(): value for name, value in attempt.answer_headers}
        if attempt.status < 300:
            return faults.page(attempt.url, headers.get("content-type", ""))
        return wire.read_failure(attempt.status, headers, b"".join(self._body))
