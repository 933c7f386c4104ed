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

    def kept(self, body: bytes) -> bytes:
        """The same of a body that is over, within the limit."""
        return trimmed(self.body(body), self.limit)

    def text(self, text: str) -> str:
        """A line for people."""
        return self.masker.text(text)

    def record(self, kept: Mapping[str, Any]) -> dict[str, Any]:
        """The plain data of an exchange (see plain.py) as it may be kept."""
        texts: list[str] = []
        _gather(kept, texts)
        suspect = self.masker.suspects(texts)  # one look instead of fifty: nearly always there is nothing
        return {name: self._member(name, value, suspect) for name, value in kept.items()}

    def _member(self, name: str, value: Any, suspect: bool) -> Any:
        kind = type(value)
        if kind is bytes:
            return self.kept(value)
        if kind is dict:
            return {inner: self._member(inner, member, suspect) for inner, member in value.items()}
        if name in _HEADERS:
            return [[header, self.masker.header(header, told, suspect=suspect)] for header, told in value]
        if kind is list and (suspect or name == "attempts"):
            return [self._member("", member, suspect) for member in value]
        return self.masker.text(value) if suspect and kind is str else value


def _gather(value: Any, texts: list[str]) -> None:
    """Put every text in plain data on the list."""
    for member in value.values() if isinstance(value, Mapping) else value:
        kind = type(member)
        if kind is str:
            texts.append(member)
        elif kind is list or kind is dict:
            _gather(member, texts)
