"""Log-ins of the vendors' own clients, existing auth directories, and key files of service accounts, taken over.

Whatever is read here is never written. Most refresh tokens rotate: after the first renewal on either side the other
copy is dead, and the person hears of it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from credentials.account import Account, BadFile, Tokens, read_account, read_time
from credentials.model import Secret
from credentials.oauth import claude, codex, google, iflow, kimi, qwen, vertex, xai
from credentials.oauth.answers import claims_of
from credentials.oauth.clients import secret_of
from credentials.oauth.flow import Client, Failed, Steps
from credentials.oauth.ways import Clock, Found, Wishes
from credentials.official import PLACES


@dataclass(frozen=True, slots=True)
class Source:
    """A client's file as it was read, and the files beside it that say more, by name."""

    path: Path
    body: Mapping[str, Any] = field(repr=False)
    beside: Callable[[str], bytes] = field(repr=False)
    """The content of a file, by its path from this one's folder; b"" if it cannot be read."""


def find_source(provider: str, environment: Mapping[str, str], home: Path) -> Path:
    """The file of the vendor's own client. Raises Failed with the places looked at."""
    places = [place.path(environment, home) for place in PLACES if place.provider == provider]
    if not places:
        message = "There is no file to import from" if provider != "vertex" else "Name the key file: --import FILE"
        raise Failed(f"{message} for {provider}", code="no_import")
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        looked = ", ".join(map(str, places))
        raise Failed(f"There is no log-in to import at {looked}: log in there first, or name the file", code="no_file")
    return found


def imported(
    provider: str, path: Path, client: Client, wishes: Wishes, clock: Clock, official: str, *, rotates: bool
) -> Steps[Found]:
    """The account in a file. official: the name of the client it belongs to. Raises Failed."""
    content = _read(path)
    if provider == "vertex":
        return vertex.read_key_file(path, content, wishes)
    reader = READERS.get(provider)
    if reader is None:
        raise Failed(f"There is no file to import from for {provider}", code="no_import")
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Failed(f"{path} is no JSON object: is it the file of {official}?", code="bad_file")
    if isinstance(body.get("type"), str) and body["type"].strip():
        raise Failed(f"{path} is a credential file already: take over its folder with --import-dir", code="bad_file")
    found = yield from reader(Source(path, body, lambda name: _beside(path, name)), client, wishes, clock)
    if rotates:
        warning = (
            f"Its refresh token rotates: once it is renewed here, {official} has to log in again (and the other way "
            f"round). Use it in one place only"
        )
        return Found(found.account, (*found.notes, warning))
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Failed(f"{path} cannot be read ({error.strerror})", code="no_file") from None


def _beside(path: Path, name: str) -> bytes:
    try:
        return (path.parent / name).read_bytes()
    except OSError:
        return b""


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(body: Mapping[str, Any], *names: str) -> str:
    """The first of these members that is a text with something in it."""
    several = (body.get(name) for name in names)
    return next((value.strip() for value in several if isinstance(value, str) and value.strip()), "")


def _tokens(body: Mapping[str, Any], access: str, refresh: str, expires: float, source: Source, *keep: str) -> Tokens:
    """Tokens of a file. Raises Failed if there is none."""
    token = _text(body, access)
    if not token:
        raise Failed(f"There is no log-in in {source.path}: log in there first", code="no_token")
    if not expires:
        end = claims_of(token).get("exp")
        expires = float(end) if isinstance(end, int | float) else 0.0
    more = {name: body[name] for name in keep if body.get(name)}
    return Tokens(Secret(token), Secret(_text(body, refresh)), expires, more)


def _is_key(where: str) -> Failed:
    return Failed(f"This is an API key, no log-in: put it into the config under {where}", code="api_key")


# --- one client each ------------------------------------------------------------------------------------------------


def _claude(source: Source, client: Client, wishes: Wishes, clock: Clock) -> Steps[Found]:
    inner = source.body.get("claudeAiOauth")
    inner = inner if isinstance(inner, dict) else {}
    tokens = _tokens(inner, "accessToken", "refreshToken", read_time(inner.get("expiresAt")) or 0.0, source)
    usual = source.path.parent.name == ".claude"  # a folder that was moved has the other file inside
    said = _object(source.beside("../.claude.json" if usual else ".claude.json"))
    person = said.get("oauthAccount")
    person = person if isinstance(person, dict) else {}
    identity = {
        "email": _text(person, "emailAddress"),
        "account_uuid": _text(person, "accountUuid"),
        "organization_uuid": _text(person, "organizationUuid"),
        "organization_name": _text(person, "organizationName"),
        "rate_limit_tier": _text(inner, "rateLimitTier"),
    }
    if not identity["email"]:
        identity |= yield from claude.profile_of(client, tokens)
    return Found(claude.account_of(tokens, identity, wishes, clock()))


def _codex(source: Source, client: Client, wishes: Wishes, clock: Clock) -> Steps[Found]:
    yield from ()  # asks nobody
    inner = source.body.get("tokens")
    if not isinstance(inner, dict) or not _text(inner, "access_token"):
        if _text(source.body, "OPENAI_API_KEY"):
            raise _is_key("codex-api-key")
        inner = {}
    tokens = _tokens(inner, "access_token", "refresh_token", 0.0, source, "id_token")
    refreshed = read_time(source.body.get("last_refresh")) or clock()
    return Found(codex.account_of(tokens, _text(inner, "account_id"), wishes, refreshed))


def _gemini(source: Source, client: Client, wishes: Wishes, clock: Clock) -> Steps[Found]:
    secret_of(client)  # without it the account would end within the hour
    tokens = _tokens(
        source.body, "access_token", "refresh_token", read_time(source.body.get("expiry_date")) or 0.0, source
    )
    if tokens.refresh and tokens.expires < clock() + 60:
        stale = Account(source.path.name, {"type": "gemini", "refresh_token": tokens.refresh.reveal()})
        fresh = yield from google.refresh(stale, client, clock())
        tokens = Tokens(fresh.access, tokens.refresh, fresh.expires)
    email = _text(_object(source.beside("google_accounts.json")), "active")
    email = email or _text(claims_of(_text(source.body, "id_token")), "email")
    return (yield from google.gemini_account(client, tokens, source.body, email, wishes, clock))


def _qwen(source: Source, client: Client, wishes: Wishes, clock: Clock) -> Steps[Found]:
    yield from ()  # asks nobody
    expires = read_time(source.body.get("expiry_date")) or 0.0
    tokens = _tokens(source.body, "access_token", "refresh_token", expires, source, "resource_url")
    return Found(qwen.account_of(tokens, wishes, clock()))


def _iflow(source: Source, client: Client, wishes: Wishes, clock: Clock) -> Steps[Found]:
    yield from ()  # asks nobody
    key = _text(source.body, "apiKey")
    expires = read_time(source.body.get("expiry_date")) or 0.0
    tokens = _tokens(source.body, "access_token", "refresh_token", expires, source, "token_type", "scope")
    who = _text(source.body, "email", "phone", "userName") or wishes.label
    if not (key and who):
        raise Failed(f"{source.path} has no API key, or does not say whose it is: log in there again", code="bad_file")
    return Found(iflow.account_of(tokens, who, wishes, clock(), api_key=key))


def _kimi(source: Source, client: Client, wishes: Wishes, clock: Clock) -> Steps[Found]:
    yield from ()  # asks nobody
    expires = read_time(source.body.get("expires_at")) or 0.0
    tokens = _tokens(source.body, "access_token", "refresh_token", expires, source, "token_type", "scope")
    device = source.beside("../device_id").decode("ascii", "ignore").strip()
    device = device or _text(claims_of(tokens.access.reveal()), "device_id")
    return Found(kimi.account_of(tokens, device, wishes, clock()))


ISSUER, OLD_ISSUER = "https://auth.x.ai::", "https://accounts.x.ai/sign-in"


def _xai(source: Source, client: Client, wishes: Wishes, clock: Clock) -> Steps[Found]:
    yield from ()  # asks nobody
    entries = {name: entry for name, entry in source.body.items() if isinstance(entry, dict)}
    chosen = next((entry for name, entry in entries.items() if name.startswith(ISSUER)), None)
    chosen = chosen or next((entry for name, entry in entries.items() if name.startswith(OLD_ISSUER)), None)
    if chosen is None and "xai::api_key" in entries:
        raise _is_key("xai-api-key")
    chosen = chosen or {}
    tokens = _tokens(chosen, "key", "refresh_token", read_time(chosen.get("expires_at")) or 0.0, source, "id_token")
    known = {"email": _text(chosen, "email"), "sub": _text(chosen, "user_id", "sub")}
    return Found(xai.account_of(tokens, known, "", wishes, clock()))


type Reader = Callable[[Source, Client, Wishes, Clock], Steps[Found]]

READERS: Mapping[str, Reader] = {
    "claude": _claude,
    "codex": _codex,
    "gemini-cli": _gemini,
    "qwen": _qwen,
    "iflow": _iflow,
    "kimi": _kimi,
    "xai": _xai,
}


# --- a whole directory ----------------------------------------------------------------------------------------------


class Taken(NamedTuple):
    """A file of an auth directory: its name here and its bytes, or why it is none."""

    name: str
    content: bytes
    why_not: str = ""


def read_directory(folder: Path) -> list[Taken]:
    """All credential files of an auth directory, in folders below it, too. Raises Failed if it cannot be read."""
    if not folder.is_dir():
        raise Failed(f"{folder} is no folder", code="no_file")
    found = []
    for path in sorted(folder.rglob("*.json")):
        name = "-".join(path.relative_to(folder).parts)
        if path.name.startswith(".") or not path.is_file():
            continue
        try:
            content = path.read_bytes()
            account = read_account(name, content)
        except OSError as error:
            found.append(Taken(name, b"", f"cannot be read ({error.strerror})"))
        except BadFile as bad:
            found.append(Taken(name, b"", str(bad)))
        else:
            bare = account.type == "service_account"
            why_not = "is a bare key file: scripts/login vertex --import takes it" if bare else ""
            found.append(Taken(name, b"" if bare else content, why_not))
    return found
