"""What may be shown, saved and logged of what was really said: secrets are masked, large bodies trimmed."""

from collections.abc import Mapping
from typing import Any

from addons.inspection.masking import Masker
from addons.inspection.trimming import trimmed

_HEADERS = ("request_headers", "answer_headers")


class Redactor:
    """The rules of one config. limit: bytes kept of a body, 0 for all."""

    def __init__(self, masker: Masker, limit: int = 0) -> None:
        self.masker = masker
        self.limit = limit
        self._last = b"", b""

    def body(self, body: bytes) -> bytes:
        """A body as it may be shown; the same object where nothing has to be hidden."""
        if body != self._last[0]:  # what an upstream said is often what the client got, and looked at once
            self._last = body, self.masker.body(body)
        return body if self._last[1] == body else self._last[1]

    def text(self, text: str) -> str:
        """A line for people."""
        return self.masker.text(text)

    def record(self, kept: Mapping[str, Any]) -> dict[str, Any]:
        """The plain data of an exchange (see plain.py) as it may be kept."""
        return {name: self._member(name, value) for name, value in kept.items()}

    def _member(self, name: str, value: Any) -> Any:
        if name in _HEADERS:
            return [[header, self.masker.header(header, told)] for header, told in value]
        if isinstance(value, bytes):
            return trimmed(self.body(value), self.limit)
        if isinstance(value, str):
            return self.masker.text(value)
        if isinstance(value, dict):
            return self.record(value)
        if isinstance(value, list):
            return [self._member("", member) for member in value]
        return value
