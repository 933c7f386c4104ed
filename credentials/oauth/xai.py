"""xAI: device grant; the addresses come from the issuer's discovery document, and must be the issuer's own."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from credentials.account import Account, Tokens, write_time
from credentials.oauth.answers import JSON, Final, claims_of, read_tokens, refused
from credentials.oauth.device import GRANT_TYPE, WHAT, read_grant, wait_for_person
from credentials.oauth.flow import Ask, Client, Failed, Steps
from credentials.oauth.ways import Clock, Device, Found, Grant, Ticket, Way, Wishes, file_name

FINAL = Final()
DOMAIN = "x.ai"
BASE_URL = "https://api.x.ai/v1"
KEPT = ("id_token", "token_type", "expires_in")


def discover(client: Client, names: tuple[str, ...], what: str, now: float) -> Steps[list[str]]:
    """Addresses of the discovery document. Raises Failed where one leads elsewhere."""
    answer = yield Ask("GET", client.urls["discovery"], headers=JSON)
    if not answer.ok:
        raise refused(answer, client, what, now)
    document = answer.json()
    return [trusted(client, str(document.get(name) or "")) for name in names]


def trusted(client: Client, url: str) -> str:
    """The address itself, if tokens may be sent there: https under x.ai, or the very server that the discovery
    document is configured to come from.
    """
    parts, home = urlsplit(url), urlsplit(client.urls["discovery"])
    host = parts.hostname or ""
    if parts.scheme == "https" and (host == DOMAIN or host.endswith(f".{DOMAIN}")) and parts.port in (None, 443):
        return url
    if url and (parts.scheme, parts.netloc) == (home.scheme, home.netloc):
        return url
    raise Failed(
        f"{client.title}: the log-in server names an address that is not its own; nothing was sent", code="foreign"
    )


def begin(client: Client, ticket: Ticket) -> Steps[Grant]:
    """Ask for a code to type in."""
    device, token = yield from discover(client, ("device_authorization_endpoint", "token_endpoint"), WHAT, 0.0)
    form = {"client_id": client.id, "scope": client.scope}
    answer = yield Ask("POST", device, form=form, headers=JSON)
    return read_grant(answer, client, 0.0, interval=5.0, limit=1800.0, token_url=token)


def finish(client: Client, ticket: Ticket, grant: Grant, wishes: Wishes, clock: Clock) -> Steps[Found]:
    """Wait for the person, then the account."""
    form = {"grant_type": GRANT_TYPE, "device_code": grant.code.reveal(), "client_id": client.id}
    ask = Ask("POST", grant.token_url, form=form, headers=JSON)
    answer = yield from wait_for_person(ask, grant, client, clock, slower=lambda seconds: seconds + 5, at_once=True)
    now = clock()
    tokens = read_tokens(answer, client, WHAT, now, keep=KEPT)
    return Found(account_of(tokens, {}, grant.token_url, wishes, now))


def account_of(tokens: Tokens, known: dict[str, str], token_url: str, wishes: Wishes, now: float) -> Account:
    """The file of an account. known: email and sub, where there is no id_token."""
    claims = claims_of(str(tokens.more.get("id_token") or ""))
    who = known | {name: claims[name] for name in ("email", "sub") if isinstance(claims.get(name), str)}
    body: dict[str, Any] = {
        "type": "xai",
        "access_token": tokens.access.reveal(),
        "refresh_token": tokens.refresh.reveal(),
        "id_token": tokens.more.get("id_token", ""),
        "token_type": tokens.more.get("token_type", "Bearer"),
        "expires_in": tokens.more.get("expires_in", 0),
        "expired": write_time(tokens.expires) if tokens.expires else "",
        "last_refresh": write_time(now),
        "email": who.get("email", ""),
        "sub": who.get("sub", ""),
        "base_url": BASE_URL,
        "token_endpoint": token_url,
        "auth_kind": "oauth",
    }
    if wishes.label:
        body["label"] = wishes.label
    return Account(file_name("xai", who.get("email") or who.get("sub") or f"{now * 1000:.0f}"), body)


def refresh(account: Account, client: Client, now: float) -> Steps[Tokens]:
    """New tokens, from the endpoint the file names, or the discovered one."""
    what = "renewing the log-in"
    named = account.text("token_endpoint")
    url = trusted(client, named) if named else (yield from discover(client, ("token_endpoint",), what, now))[0]
    form = {"grant_type": "refresh_token", "client_id": client.id, "refresh_token": account.refresh.reveal()}
    answer = yield Ask("POST", url, form=form, headers=JSON)
    tokens = read_tokens(answer, client, what, now, FINAL, KEPT)
    return tokens if named else replace(tokens, more={**tokens.more, "token_endpoint": url})


WAY = Way(identity=("sub", "email"), device=Device(begin, finish))
