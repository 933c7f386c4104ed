"""One file of an auth directory: a log-in as CLIProxyAPI and its successors write it, read without losing a key.

    {"type": "codex", "access_token": …, "refresh_token": …, "expired": "2026-03-07T09:00:00Z", "email": …, …}

The object is kept whole. A refresh changes the token fields and `last_refresh`, each under the name the file already
uses and in the form it has there; everything else, known or not, stays as it is and where it is, byte for byte.
Sources: CLIProxyAPI v6 (February 2026) and v7 (August 2026), the files they write and the spellings they accept.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from credentials.model import Secret
from credentials.rewrite import dumped, rewritten, same

PROVIDERS = {"gemini": "gemini-cli"}
"""`type` of a file → provider key, where the two differ."""

EXPIRY = ("expired", "expire", "expires_at", "expiresAt", "expiry", "expires")
LAST_REFRESH = ("last_refresh", "lastRefresh", "last_refreshed_at", "lastRefreshedAt")
NESTED = ("token", "Token")
"""Members that hold the tokens in some files (Gemini CLI); the top level overrides them."""


class BadFile(ValueError):
    """A file that is no credential; the message says why, without any of its values."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a log-in or a refresh gives. expires: unix seconds, 0 if unknown. more: other members to be written
    (`id_token`, `resource_url`, `api_key` …), as they stand in the file; None values are not written.
    """

    access: Secret
    refresh: Secret = field(default_factory=lambda: Secret(""))
    expires: float = 0.0
    more: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """A file. name: relative to the directory, also the credential's id. body: the whole object, not to be changed.
    source: the bytes it was read from, which say how it is written; b"" for a new one.
    """

    name: str
    body: Mapping[str, Any] = field(repr=False)
    source: bytes = field(default=b"", repr=False, compare=False)

    @property
    def type(self) -> str:
        """The file's own `type`, in lower case."""
        return str(self.body["type"]).strip().lower()

    @property
    def provider(self) -> str:
        """The key of the provider that can use it."""
        return PROVIDERS.get(self.type, self.type)

    @property
    def label(self) -> str:
        """What people call it: the label, the e-mail address, the project, or the file's name."""
        for key in ("label", "email", "project_id"):
            value = self.body.get(key)
            if isinstance(value, str) and value.strip():
                return value.strip()
        return self.name.removesuffix(".json")

    @property
    def access(self) -> Secret:
        """The access token ("" if there is none)."""
        return Secret(self.text("access_token", "accessToken"))

    @property
    def refresh(self) -> Secret:
        """The refresh token ("" if there is none)."""
        return Secret(self.text("refresh_token", "refreshToken"))

    @property
    def expires(self) -> float:
        """When the access token ends, in unix seconds; 0 if the file does not say."""
        return self._time(EXPIRY) or self._from_age()

    @property
    def refreshed(self) -> float:
        """When it was last refreshed, in unix seconds; 0 if the file does not say."""
        return self._time(LAST_REFRESH)

    def text(self, *names: str) -> str:
        """The first of several members that is a non-empty string: at the top, then inside the token object."""
        for holder in self._holders():
            for name in names:
                value = holder.get(name)
                if isinstance(value, str) and value.strip():
                    return value.strip()
        return ""

    def _time(self, names: tuple[str, ...]) -> float:
        for holder in self._holders():
            for name in names:
                if (found := read_time(holder.get(name))) is not None:
                    return found
        return 0.0

    def _from_age(self) -> float:
        """Antigravity's other way to say it: when the token was made, and how long it lasts."""
        for holder in self._holders():
            made, lasts = read_time(holder.get("timestamp")), holder.get("expires_in")
            if made and isinstance(lasts, int | float) and not isinstance(lasts, bool) and 0 < lasts < _MILLISECONDS:
                return made + lasts
        return 0.0

    def _holders(self) -> list[Mapping[str, Any]]:
        inner = (self.body.get(name) for name in NESTED)
        return [self.body, *(each for each in inner if isinstance(each, Mapping))]


def read_account(name: str, content: bytes) -> Account:
    """Read a file. Raises BadFile: no JSON object (perhaps half written), or without a `type`."""
    body = _parsed(content)
    if body is None:
        raise BadFile("is no JSON, or only half of it")
    if not isinstance(body, dict):
        raise BadFile("is JSON, but no object")
    if not isinstance(body.get("type"), str) or not body["type"].strip():
        raise BadFile("has no `type`: this is no credential file")
    return Account(name, body, content)


def _parsed(content: bytes) -> Any:
    """The value, None for what is no JSON. Its exceptions end here: they hold the whole text."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def with_tokens(account: Account, tokens: Tokens, now: float) -> Account:
    """The account after a refresh: token fields and times anew, under the names its file uses, all else untouched."""
    body: dict[str, Any] = dict(account.body)
    fresh: dict[tuple[str, ...], Any] = {
        ("access_token", "accessToken"): tokens.access.reveal(),
        LAST_REFRESH: now,
    }
    if tokens.refresh:
        fresh["refresh_token", "refreshToken"] = tokens.refresh.reveal()
    if tokens.expires:
        fresh[EXPIRY] = tokens.expires
    for names, value in fresh.items():
        _put(body, names, value)
    body.update({name: value for name, value in tokens.more.items() if value is not None})
    return Account(account.name, body, account.source)


def _put(body: dict[str, Any], names: tuple[str, ...], value: Any) -> None:
    """Set a member everywhere it stands, in the form it has there; at the top under its first name if nowhere."""
    is_time = names in {EXPIRY, LAST_REFRESH}
    placed = False
    for holder_name in ("", *NESTED):
        holder = body.get(holder_name) if holder_name else body
        if not isinstance(holder, dict):
            continue
        for name in names:
            if name in holder:
                if holder_name:
                    holder = body[holder_name] = dict(holder)
                holder[name] = alike(holder[name], value) if is_time else value
                placed = True
    if not placed:
        body[names[0]] = write_time(value) if is_time else value


def write_account(account: Account) -> bytes:
    """The bytes of a file: those it was read from with what has changed; a new one indented by two, keys in order."""
    before = _parsed(account.source)
    if not isinstance(before, dict):
        return dumped(account.body, indent=2).encode()
    if same(before, account.body):
        return account.source
    text = account.source.decode(json.detect_encoding(account.source), "surrogatepass")
    return rewritten(text, before, account.body).encode("utf-8", "surrogatepass")


# --- times ----------------------------------------------------------------------------------------------------------

_MILLISECONDS = 1e12
"""Numbers above it are milliseconds: as seconds they would be in the year 33658."""

_LAST = 253370764800.0
"""The first second of the year 9999. What is later is no time."""

_FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M")


def read_time(value: Any) -> float | None:
    """Unix seconds of a time as files have it: RFC 3339, `2006-01-02 15:04[:05]` in UTC, seconds or milliseconds since
    1970 as number or text. None for anything else, and for zero.
    """
    if isinstance(value, str):
        number = _number(value)
        return _read_date(value.strip()) if number is None else read_time(number)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _LAST * 1000:
        return None
    return value / 1000 if value > _MILLISECONDS else float(value)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _read_date(text: str) -> float | None:
    moment = _moment(text)
    if moment is None:
        return None
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return seconds if seconds > 0 else None  # Go writes the year 1 for “no time”


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def write_time(seconds: float, zone: tzinfo = UTC) -> str:
    """A time as RFC 3339, to the second."""
    text = _date(int(seconds), zone).isoformat()
    return text.removesuffix("+00:00") + "Z" if zone is UTC else text


def _date(seconds: float, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(min(max(seconds, 0), _LAST), zone)


def alike(before: Any, seconds: float) -> Any:
    """A time in the form of the one it replaces: seconds or milliseconds, number or text; a date, in its own zone."""
    if isinstance(before, str):
        if (number := _number(before)) is not None and read_time(number) is not None:
            return str(alike(number if "." in before else int(number), seconds))
        moment = _moment(before.strip())
        for form in _FORMS:
            if moment is not None and moment.strftime(form) == before.strip():
                return _date(seconds, UTC).strftime(form)
        zone = moment.tzinfo if moment is not None else None
        return write_time(seconds, zone or UTC)
    if not isinstance(before, int | float) or isinstance(before, bool):
        return write_time(seconds)
    exact = seconds * 1000 if before > _MILLISECONDS else seconds
    return float(exact) if isinstance(before, float) else round(exact)
