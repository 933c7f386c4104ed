"""Secrets out of what is shown and written down: those that are known here word for word, others by their shape.

    masked("sk-ant-api03-abcdef123456")            sk-a...3456
    masker.text("key sk-ant-api03-abcdef123456")   key sk-a...3456

What is sent never passes through here: a client and an upstream get their bytes as they are.
"""

import json
import re
from collections.abc import Iterable
from urllib.parse import quote, unquote_plus

import msgspec

from translators.key_shapes import KEY, SCHEMES, SHAPES
from translators.model import Failure

SHORTEST = 8
"""Letters of a known secret that is looked for everywhere; a shorter one (`test`) is a word like any other."""

REMEMBERED = 512
"""Known secrets. Accounts are renewed all day, and an old token may still be repeated by somebody."""

_NAMES = ("authorization", "api-key", "apikey", "token", "secret", "cookie")
_QUERY = ("api-key", "api_key", "apikey", "token", "secret")
_COUNTS = ("ratelimit", "rate-limit", "max-tokens")
"""Headers that speak of tokens of text."""
_LABEL = re.compile(r"(?:[\w-]+ )?\[[^\]]*\]|masked")
"""What we have put in the place of a secret."""
_PAIR = re.compile(r"([?&])([^=&#]*)=([^&#]*)")

_KEY = re.compile(KEY.pattern.encode())
_TOKENS = tuple(one.head for one in SHAPES)
_HEADS = tuple(head.encode() for head in (*(one.head for one in SHAPES if one.common), *SCHEMES[:1]))


def masked(secret: str) -> str:
    """The ends of a long secret, less of a shorter one, nothing of a short one."""
    if len(secret) > 16:
        return f"{secret[:4]}...{secret[-4:]}"
    return f"{secret[:2]}...{secret[-2:]}" if len(secret) > 8 else "..."


def names_secret(name: str) -> bool:
    """Whether a header of this name holds a secret, whatever it looks like."""
    lower = name.lower()
    return any(word in lower for word in _NAMES) and not any(word in lower for word in _COUNTS)


class Masker:
    """Knows the secrets of this process. One for all runtimes: what was a secret once stays one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: dict[str, None] = {}
        self._texts: list[tuple[str, str]] = []
        self._bytes: list[tuple[bytes, bytes]] = []
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Know these, too, in the forms in which JSON and addresses spell them."""
        new = [secret for secret in secrets if len(secret) >= SHORTEST and secret not in self._known]
        if not new:
            return
        self._known |= dict.fromkeys(new)
        for oldest in list(self._known)[: max(len(self._known) - REMEMBERED, 0)]:
            del self._known[oldest]
        forms = {form: masked(secret) for secret in self._known for form in _forms(secret)}
        self._texts = sorted(forms.items(), key=lambda pair: -len(pair[0]))  # one that holds another goes first
        self._bytes = [(form.encode(errors="surrogateescape"), mask.encode()) for form, mask in self._texts]

    def text(self, text: str) -> str:
        """A message, an address, a line of a log."""
        if len(text) < SHORTEST:
            return text
        for secret, mask in self._texts:
            if secret in text:
                text = text.replace(secret, mask)
        for head in _TOKENS:  # far faster than the pattern, which is seldom needed
            if head in text:
                return KEY.sub(_mask, text)
        return KEY.sub(_mask, text) if "earer " in text or "asic " in text else text

    def body(self, body: bytes) -> bytes:
        """A body of any size: some ten milliseconds a megabyte. The same object where there is nothing to hide."""
        return _without_shapes(self.known(body))

    def known(self, body: bytes) -> bytes:
        """The same for secrets of this process only: what else looks like a key may be meant for whoever gets it."""
        for secret, mask in self._bytes:
            if secret in body:
                body = body.replace(secret, mask)
        return body

    def header(self, name: str, value: str) -> str:
        """The value of a header; of one that is named for a secret, with its scheme."""
        if not names_secret(name):
            return self.text(value)
        if _LABEL.fullmatch(value):
            return value
        scheme, blank, rest = value.partition(" ")
        if "authorization" in name.lower() and blank:
            return f"{scheme} {masked(rest)}"
        return masked(value)

    def path(self, path: str) -> str:
        """A path with a query whose secrets are named as such, or look it."""
        return self.text(_PAIR.sub(_mask_pair, path) if "?" in path else path)

    def failure(self, failure: Failure) -> Failure:
        """An error as a client may see it."""
        told = msgspec.structs.replace(
            failure,
            message=self.text(failure.message),
            code=self.text(failure.code),
            param=self.text(failure.param),
            headers={name: self.header(name, value) for name, value in failure.headers.items()},
            details=msgspec.Raw(self.body(bytes(failure.details))) if failure.details is not None else None,
        )
        return failure if told == failure else told


def _forms(secret: str) -> set[str]:
    return {secret, json.dumps(secret)[1:-1], json.dumps(secret).replace("/", "\\/")[1:-1], quote(secret, safe="")}


def _mask(found: re.Match[str]) -> str:
    scheme, blank, rest = found[0].partition(" ")
    return f"{scheme} {masked(rest)}" if blank else masked(found[0])


def _mask_pair(found: re.Match[str]) -> str:
    name = unquote_plus(found[2]).lower().removesuffix("[]")
    secret = name == "key" or any(word in name for word in _QUERY)
    if not secret or _LABEL.fullmatch(found[3]):
        return found[0]
    return f"{found[1]}{found[2]}={masked(found[3])}"


def _without_shapes(body: bytes) -> bytes:
    """KEY over a whole body would cost five times as much: it is tried only where a key may begin."""
    found: list[tuple[int, int]] = []
    for head in _HEADS:
        at = body.find(head)
        while at >= 0:
            match = _KEY.match(body, at)
            if match is not None:
                found.append(match.span())
            at = body.find(head, match.end() if match is not None else at + 1)
    if not found:
        return body
    pieces, last = [], 0
    for start, end in sorted(found):
        if start >= last:  # else it is a part of one that has its mask already
            pieces += [body[last:start], _mask_bytes(body[start:end])]
            last = end
    return b"".join((*pieces, body[last:]))


def _mask_bytes(key: bytes) -> bytes:
    scheme, blank, rest = key.decode("latin-1").partition(" ")
    return f"{scheme} {masked(rest)}".encode("latin-1") if blank else masked(scheme).encode("latin-1")
