"""What may be shown, saved and logged of what was really said: secrets are masked, large bodies trimmed; with
`redact: content`, what people said is hidden.
"""

from collections.abc import Mapping
from typing import Any

from addons.inspection.hiding import Hider
from addons.inspection.masking import Masker
from addons.inspection.trimming import trimmed
from translators.model import Failure

_HEADERS = ("request_headers", "answer_headers")
_QUOTING = ("failure", "refusal", "stop", "violations")
"""Members of a record that may quote what was said."""


class Redactor:
    """The rules of one config. limit: bytes kept of a body, 0 for all. hider: hides content, None shows it."""

    def __init__(self, masker: Masker, limit: int = 0, hider: Hider | None = None) -> None:
        self.masker = masker
        self.limit = limit
        self.hider = hider
        self._last = b"", b""

    def body(self, body: bytes) -> bytes:
        """A body as it may be shown; the same object where nothing has to be hidden."""
        if body != self._last[0]:  # what an upstream said is often what the client got, and looked at once
            told = self.masker.body(body)
            self._last = body, told if self.hider is None else self.hider.body(told)
        return body if self._last[1] == body else self._last[1]

    def kept(self, body: bytes) -> bytes:
        """The same of a body that is over, within the limit."""
        return trimmed(self.body(body), self.limit)

    def text(self, text: str) -> str:
        """A line for people."""
        return self.masker.text(text)

    def message(self, failure: Failure) -> str:
        """What an error says. An upstream may quote the request in it."""
        if self.hider is not None and failure.origin != "cliproxy":
            return self.hider.text(failure.message)
        return self.masker.text(failure.message)

    def record(self, kept: Mapping[str, Any]) -> dict[str, Any]:
        """The plain data of an exchange (see plain.py) as it may be kept."""
        texts: list[str] = []
        _gather(kept, texts)
        suspect = self.masker.suspects(texts)  # one look instead of fifty: nearly always there is nothing
        return {name: self._member(name, value, suspect) for name, value in kept.items()}

    def _member(self, name: str, value: Any, suspect: bool) -> Any:
        kind = type(value)
        if self.hider is not None and name in _QUOTING and value:
            value = _without_quotes(self.hider, name, value)
        if kind is bytes:
            return self.kept(value)
        if kind is dict:
            return {inner: self._member(inner, member, suspect) for inner, member in value.items()}
        if name in _HEADERS:
            return [[header, self.masker.header(header, told, suspect=suspect)] for header, told in value]
        if kind is list and (suspect or name == "attempts"):
            return [self._member("", member, suspect) for member in value]
        return self.masker.text(value) if suspect and kind is str else value


def _without_quotes(hider: Hider, name: str, value: Any) -> Any:
    """The same members without what they may quote: an upstream's message, a stop sequence, a value in a finding."""
    match name:
        case "stop":
            words = ("reason", "native", "category")
            return {key: told if key in words else hider.text(str(told)) for key, told in value.items()}
        case "violations":
            return [
                [frame, path, hider.text(what) if '"' in what or "'" in what else what, *rest]
                for frame, path, what, *rest in value
            ]
    origin, kind, message, *rest = value
    return [origin, kind, message if origin == "cliproxy" else hider.text(message), *rest]


def _gather(value: Any, texts: list[str]) -> None:
    """Put every text in plain data on the list."""
    for member in value.values() if isinstance(value, Mapping) else value:
        kind = type(member)
        if kind is str:
            texts.append(member)
        elif kind is list or kind is dict:
            _gather(member, texts)
