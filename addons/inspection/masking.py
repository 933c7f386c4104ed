"""Secrets out of what is shown and written down: those that are known here word for word, others by their shape.

    masked("sk-ant-api03-abcdef123456")            sk-a...3456
    masker.text("key sk-ant-api03-abcdef123456")   key sk-a...3456

What is sent never passes through here: a client and an upstream get their bytes as they are.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import Protocol
from urllib.parse import quote, unquote_plus

import msgspec
import re2

from translators.key_shapes import KEY, SHAPES
from translators.model import Failure

SHORTEST = 8
"""Letters of a known secret that is looked for everywhere; a shorter one (`test`) is a word like any other."""

REMEMBERED = 4096
"""Known secrets. Accounts are renewed all day, and an old token may still be repeated by somebody."""

_NAMES = ("authorization", "api-key", "apikey", "token", "secret", "cookie")
_QUERY = ("api-key", "api_key", "apikey", "token", "secret")
_COUNTS = ("ratelimit", "rate-limit", "max-tokens")
"""Headers that speak of tokens of text."""
_LABEL = re.compile(r"(?:[\w-]+ )?\[[^\]]*\]|masked")
"""What we have put in the place of a secret."""
_PAIR = re.compile(r"([?&])([^=&#]*)=([^&#]*)")

_KEY = re.compile(KEY.pattern.encode())
_SUSPECT = "|".join(
    (*(rf"{re.escape(one.head)}[\w.~+/*-]{{8}}" for one in SHAPES), r"(?i:bearer|basic) [\w.~+/=-]{15}")
).encode()
"""How whatever KEY matches begins. RE2 tells in one pass that nothing of the kind stands there, however many secrets
are known: two or three milliseconds a megabyte, where `re` takes a hundred."""


class _Pattern(Protocol):
    """What is used of RE2's patterns, which have no types of their own."""

    def search(self, text: bytes, pos: int = 0, /) -> re.Match[bytes] | None: ...


def _pattern(*choices: bytes) -> _Pattern:
    options = re2.Options()
    options.max_mem, options.log_errors = 64 * 1024 * 1024, False
    found: _Pattern = re2.compile(b"|".join(choices), options)
    return found


_SHAPE = _pattern(_SUSPECT)


def masked(secret: str) -> str:
    """The ends of a long secret, less of a shorter one, nothing of a short one."""
    if len(secret) > 16:
        return f"{secret[:4]}...{secret[-4:]}"
    return f"{secret[:2]}...{secret[-2:]}" if len(secret) > 8 else "..."


@lru_cache(1024)
def names_secret(name: str) -> bool:
    """Whether a header of this name holds a secret, whatever it looks like."""
    lower = name.lower()
    return any(word in lower for word in _NAMES) and not any(word in lower for word in _COUNTS)


class Masker:
    """Knows the secrets of this process. One for all runtimes: what was a secret once stays one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: dict[str, None] = {}
        self._begun: dict[bytes, list[tuple[bytes, bytes]]] = {}  # by how it begins: a secret's form, its mask
        self._secret = self._any = _SHAPE  # how known secrets begin; and that, or anything of a key's shape
        self._stale = False
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Know these, too, in the forms in which JSON and addresses spell them."""
        new = [secret for secret in secrets if secret not in self._known and len(secret) >= SHORTEST]
        if not new:
            return
        self._known |= dict.fromkeys(new)
        for oldest in list(self._known)[: max(len(self._known) - REMEMBERED, 0)]:
            del self._known[oldest]
        self._stale = True

    def _ready(self) -> None:
        """Patterns of what is known now: made when they are needed, as tokens may come by the hundred."""
        if not self._stale:
            return
        begun = defaultdict[bytes, list[tuple[bytes, bytes]]](list)
        for secret in self._known:
            mask = masked(secret).encode(errors="surrogateescape")
            for form in {each.encode(errors="surrogateescape") for each in _forms(secret)}:
                begun[form[:SHORTEST]].append((form, mask))
        for forms in begun.values():
            forms.sort(key=lambda pair: -len(pair[0]))  # one that holds another goes first
        heads = [re2.escape(head) for head in begun]
        self._begun, self._stale = dict(begun), False
        self._secret, self._any = _pattern(*heads), _pattern(_SUSPECT, *heads)

    def suspects(self, texts: Iterable[str]) -> bool:
        """Whether there may be something to hide in any of them: many at once cost little more than one."""
        self._ready()
        return self._any.search("\n".join(texts).encode(errors="surrogatepass")) is not None

    def text(self, text: str) -> str:
        """A message, an address, a line of a log."""
        if len(text) < SHORTEST:
            return text
        plain = text.encode(errors="surrogatepass")
        told = self.body(plain)
        return text if told is plain else told.decode(errors="surrogatepass")

    def body(self, body: bytes) -> bytes:
        """A body of any size. The same object where there is nothing to hide."""
        self._ready()
        if self._any.search(body) is None:
            return body
        return _without_shapes(self._without_known(body))

    def known(self, body: bytes) -> bytes:
        """The same for secrets of this process only: what else looks like a key may be meant for whoever gets it."""
        self._ready()
        return self._without_known(body)

    def known_text(self, text: str) -> str:
        """The same of a text."""
        plain = text.encode(errors="surrogatepass")
        told = self.known(plain)
        return text if told is plain else told.decode(errors="surrogatepass")

    def _without_known(self, body: bytes) -> bytes:
        pieces, last, found = list[bytes](), 0, self._secret.search(body) if self._begun else None
        while found is not None:
            at = found.start()
            for form, mask in self._begun[found[0]]:
                if body.startswith(form, at):
                    pieces += [body[last:at], mask]
                    last = at + len(form)
                    break
            found = self._secret.search(body, max(last, at + 1))
        return b"".join((*pieces, body[last:])) if pieces else body

    def header(self, name: str, value: str, *, suspect: bool = True) -> str:
        """The value of a header; of one that is named for a secret, with its scheme. suspect: see `suspects`."""
        if not names_secret(name):
            return self.text(value) if suspect else value
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


def _mask_pair(found: re.Match[str]) -> str:
    name = unquote_plus(found[2]).lower().removesuffix("[]")
    secret = name == "key" or any(word in name for word in _QUERY)
    if not secret or _LABEL.fullmatch(found[3]):
        return found[0]
    return f"{found[1]}{found[2]}={masked(found[3])}"


def _without_shapes(body: bytes) -> bytes:
    pieces, last, found = list[bytes](), 0, _SHAPE.search(body)
    while found is not None:
        at = found.start()
        if match := _KEY.match(body, at):
            pieces += [body[last:at], _mask_bytes(match[0])]
            last = match.end()
        found = _SHAPE.search(body, max(last, at + 1))
    return b"".join((*pieces, body[last:])) if pieces else body


def _mask_bytes(key: bytes) -> bytes:
    scheme, blank, rest = key.decode("latin-1").partition(" ")
    return f"{scheme} {masked(rest)}".encode("latin-1") if blank else masked(scheme).encode("latin-1")
