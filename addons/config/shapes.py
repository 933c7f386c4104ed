"""The shapes a value of the config can have. A shape is data; `read.py` reads a YAML node by it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple
from urllib.parse import urlsplit


class Checked(NamedTuple):
    """What a rule makes of a text: the text to keep, and what is wrong with it ("" if nothing)."""

    text: str
    complaint: str = ""
    fatal: bool = True


type Rule = Callable[[str], Checked]


@dataclass(frozen=True, slots=True)
class Text:
    """A text, blanks at its ends taken off. Numbers and words like `yes` count as the text they are written with."""

    secret: bool = False
    rule: Rule | None = None
    lower: bool = False


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number. Under `low` it becomes `below` if that is given (CLIProxyAPI mends instead of refusing)."""

    low: int | None = None
    high: int | None = None
    below: int | None = None


@dataclass(frozen=True, slots=True)
class Override:
    """A whole number that overrides a global one; negative means “inherit”, which is None."""


@dataclass(frozen=True, slots=True)
class Seconds:
    """A number of seconds, whole or not, from 0."""


@dataclass(frozen=True, slots=True)
class Span:
    """A duration as Go writes it: `90s`, `1h30m`. Becomes seconds."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words, letter case ignored. others: further spellings and what they mean. flags: or true or false."""

    options: tuple[str, ...]
    others: Mapping[str, str]
    flags: bool = False


@dataclass(frozen=True, slots=True)
class Several:
    """A list. Doubles and empty texts are dropped when `unique`."""

    item: "Shape"
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping with names of the user's own. Empty names and values are dropped. lower: the names are lower-cased."""

    value: "Shape"
    lower: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping with known keys, that becomes an object.

    build gets a keyword a key that was given (`-` as `_`). mandatory: without these the entry makes no sense: an absent
    one is an error, an empty one drops the entry with a warning, as CLIProxyAPI does without.
    """

    build: Callable[..., object]
    keys: Mapping[str, "Shape"]
    mandatory: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Json:
    """Any value; becomes JSON text. raw: a text is JSON already."""

    raw: bool = False


@dataclass(frozen=True, slots=True)
class Places:
    """Places in a body: with values (a mapping, or a list of mappings), or without (a list of texts)."""

    values: Json | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """A key that CLIProxyAPI knows and that has no effect here: a disguise, or a part that does not exist.

    under: the keys below it, where their reasons differ.
    """

    reason: Literal["disguise", "absent"]
    under: Mapping[str, "Shape"] | None = None


type Shape = (
    Text | Flag | Whole | Override | Seconds | Span | Choice | Several | Table | Section | Json | Places | Ignored
)

_SPAN = re.compile(r"(?:\d+(?:\.\d+)?(?:h|m|s|ms|us|µs|ns))+")
_SPAN_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def span_seconds(text: str) -> float | None:
    """Seconds of a duration such as `1h30m`, or None if it is none."""
    if not _SPAN.fullmatch(text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _SPAN_PART.findall(text))


def prefix(text: str) -> Checked:
    """A model prefix is one segment; slashes at its ends do not matter."""
    segment = text.strip("/").strip()
    if "/" in segment:
        return Checked("", "left out: a prefix has no / inside; write one word, such as team", fatal=False)
    return Checked(segment)


def address(text: str) -> Checked:
    """The base URL of an upstream: http or https, with a host. A slash at the end goes."""
    if not text:
        return Checked("")
    split = _split(text)
    if split is None or split.scheme not in ("http", "https") or not split.hostname:
        return Checked("", "should be an http:// or https:// address with a host, such as https://api.example.com/v1")
    if split.query or split.fragment:
        return Checked("", "should end with its path: take away what follows the ? or #")
    return Checked(text.rstrip("/"))


def endpoint(text: str) -> Checked:
    """An address that log-ins ask: https, or http on this machine; a query may belong to it."""
    if not text:
        return Checked("")
    split = _split(text)
    near = split is not None and split.hostname in ("127.0.0.1", "localhost", "::1")
    if split is None or not split.hostname or split.scheme not in (("http", "https") if near else ("https",)):
        return Checked("", "should be an https:// address: tokens are sent there")
    return Checked(text)


PROXIES = ("http", "https", "socks5", "socks5h")


def proxy(text: str) -> Checked:
    """A proxy's URL, or `direct` (also `none`) for no proxy at all."""
    if text.lower() in ("direct", "none"):
        return Checked("direct")
    split = _split(text) if text else None
    if text and (split is None or split.scheme not in PROXIES or not split.hostname):
        return Checked("", "should be http://, https:// or socks5:// with a host, or direct for no proxy")
    return Checked(text)


def pattern(text: str) -> Checked:
    """A regular expression."""
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError):
        return Checked("", "should be a regular expression; this one cannot be read")
    return Checked(text)


def _split(text: str) -> "_Url | None":
    """The parts of a URL, or None where it has none that make sense."""
    try:
        split = urlsplit(text)
        port = split.port
    except ValueError:
        return None
    if any(sign.isspace() for sign in text):
        return None
    return _Url(split.scheme.lower(), split.hostname or "", port, split.path, split.query, split.fragment)


class _Url(NamedTuple):
    scheme: str
    hostname: str
    port: int | None
    path: str
    query: str
    fragment: str
