"""iFlow: authorization code with a client secret (in the form and as Basic), or the cookie of its web page. What
requests use is an API key, which each renewal reads anew.

Source: CLIProxyAPI v6 (February 2026); the public iFlow CLI.
"""

import base64
import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote, urlencode

from credentials.account import Account, Tokens, read_time, write_time
from credentials.model import Secret
from credentials.oauth.answers import JSON, Final, clean, read_tokens, refused
from credentials.oauth.clients import secret_of
from credentials.oauth.device import WHAT
from credentials.oauth.flow import Answer, Ask, Client, Failed, Steps
from credentials.oauth.ways import Browser, Clock, Found, Returned, Ticket, Way, Wishes, file_name

FINAL = Final(statuses=frozenset({400, 401}))
KEPT = ("token_type", "scope")
_COOKIE = re.compile(r"(?:^|[;\s])BXAuth=([^;\s]+)")
_CHINA = timezone(timedelta(hours=8))


def address(client: Client, ticket: Ticket) -> str:
    """The page to open; its parameters are iFlow's own."""
    secret_of(client)
    first = {"loginMethod": "phone", "type": "phone", "redirect": ticket.redirect}
    return f"{client.urls['authorize']}?{urlencode(first | {'state': ticket.state, 'client_id': client.id})}"


def finish(client: Client, ticket: Ticket, found: Returned, wishes: Wishes, clock: Clock) -> Steps[Found]:
    """Code → tokens → API key → account."""
    form = {
        "grant_type": "authorization_code",
        "code": found.code.reveal(),
        "redirect_uri": ticket.redirect,
        "client_id": client.id,
        "client_secret": secret_of(client),
    }
    answer = yield Ask("POST", client.urls["token"], form=form, headers=_headers(client))
    now = clock()
    tokens = read_tokens(answer, client, WHAT, now, keep=KEPT)
    person = yield from _person(client, tokens, WHAT, now)
    who = person.get("email") or person.get("phone")
    if not who:
        raise Failed("iFlow did not say whose account this is", code="no_identity")
    return Found(account_of(tokens, who, wishes, now, api_key=person["apiKey"]))


def _headers(client: Client) -> dict[str, str]:
    pair = base64.b64encode(f"{client.id}:{secret_of(client)}".encode()).decode()
    return JSON | {"authorization": f"Basic {pair}"}


def _person(client: Client, tokens: Tokens, what: str, now: float) -> Steps[dict[str, str]]:
    """email, phone and the API key of the account. The server wants the token in the address."""
    url = f"{client.urls['userinfo']}?accessToken={quote(tokens.access.reveal(), safe='')}"
    answer = yield Ask("GET", url, headers=JSON)
    data = _data(answer, client, what, now)
    if not data.get("apiKey"):
        raise Failed(f"iFlow gave no API key while {what}", code="no_api_key")
    return data


def _data(answer: Answer, client: Client, what: str, now: float) -> dict[str, str]:
    """The texts of `data`. iFlow tells its errors with status 200 and `success: false`."""
    if not answer.ok:
        raise refused(answer, client, what, now)
    body = answer.json()
    data = body.get("data")
    if body.get("success") is not True or not isinstance(data, dict):
        said = clean(str(body.get("message") or "without a reason"))
        raise Failed(f"iFlow refused while {what}: {said}", code=clean(str(body.get("code") or "")))
    return {name: value.strip() for name, value in data.items() if isinstance(value, str)}


def account_of(
    tokens: Tokens, who: str, wishes: Wishes, now: float, *, api_key: str, cookie: str = "", name: str = ""
) -> Account:
    """The file of an account. name: for the file, if not `who`."""
    body: dict[str, Any] = {
        "access_token": tokens.access.reveal(),
        "refresh_token": tokens.refresh.reveal(),
        "last_refresh": write_time(now),
        "expired": write_time(tokens.expires) if tokens.expires else "",
        "api_key": api_key,
        "email": who,
        "token_type": tokens.more.get("token_type", ""),
        "scope": tokens.more.get("scope", ""),
        "cookie": cookie,
        "type": "iflow",
    }
    if wishes.label:
        body["label"] = wishes.label
    return Account(file_name("iflow", name or who, f"{now:.0f}"), body)


# --- the cookie -----------------------------------------------------------------------------------------------------


def finish_cookie(client: Client, wishes: Wishes, clock: Clock) -> Steps[Found]:
    """Cookie of platform.iflow.cn → API key → account."""
    cookie = cookie_of(wishes.cookie.reveal())
    answer = yield Ask("GET", client.urls["apikey"], headers=JSON | {"cookie": cookie})
    name = _data(answer, client, WHAT, clock()).get("name", "")
    if not name:
        raise Failed("iFlow did not say whose cookie this is: log in to platform.iflow.cn again", code="no_identity")
    key, expires = yield from _renewed_key(client, cookie, name, WHAT, clock())
    nothing = Tokens(Secret(""), expires=expires)
    plain = re.sub(r"[^\w@.\-]", "", name.replace("*", "x"), flags=re.ASCII)
    return Found(account_of(nothing, name, wishes, clock(), api_key=key, cookie=cookie, name=plain))


def cookie_of(text: str) -> str:
    """The one cookie that matters. Raises Failed if it is not there."""
    found = _COOKIE.search(text)
    if found is None:
        message = "There is no BXAuth in this cookie: copy the whole Cookie header of a request to platform.iflow.cn"
        raise Failed(message, code="no_cookie")
    return f"BXAuth={found[1]};"


def _renewed_key(client: Client, cookie: str, name: str, what: str, now: float) -> Steps[tuple[str, float]]:
    answer = yield Ask("POST", client.urls["apikey"], json={"name": name}, headers=JSON | {"cookie": cookie})
    data = _data(answer, client, what, now)
    key = data.get("apiKey", "")
    if not key or "*" in key:
        raise Failed(f"iFlow gave no API key while {what}", code="no_api_key")
    return key, _end(data.get("expireTime", ""))


def _end(text: str) -> float:
    """`YYYY-MM-DD HH:MM`, in China's time; 0 if it is none."""
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=_CHINA).timestamp()
    except ValueError:
        return read_time(text) or 0.0


# --- renewing -------------------------------------------------------------------------------------------------------


_RENEWING = "renewing the log-in"


def refresh(account: Account, client: Client, now: float) -> Steps[Tokens]:
    """New tokens, or the key that a cookie opens. The key that goes with tokens is asked for afterwards: `after`."""
    cookie = account.text("cookie")
    if cookie and not account.refresh:
        name = account.text("name", "email")
        key, expires = yield from _renewed_key(client, cookie_of(cookie), name, _RENEWING, now)
        return Tokens(Secret(""), expires=expires, more={"api_key": key})
    form = {
        "grant_type": "refresh_token",
        "refresh_token": account.refresh.reveal(),
        "client_id": client.id,
        "client_secret": secret_of(client),
    }
    answer = yield Ask("POST", client.urls["token"], form=form, headers=_headers(client))
    return read_tokens(answer, client, _RENEWING, now, FINAL, KEPT)


def after(account: Account, client: Client, now: float) -> Steps[Tokens] | None:
    """The API key of renewed tokens. A step of its own: the old refresh token is spent by then, and the new one must
    be safe whatever becomes of this.
    """
    return _key(account, client, now) if account.refresh else None


def _key(account: Account, client: Client, now: float) -> Steps[Tokens]:
    tokens = Tokens(account.access)
    person = yield from _person(client, tokens, _RENEWING, now)
    return replace(tokens, more={"api_key": person["apiKey"]})


WAY = Way(identity=("email",), browser=Browser(address, finish), cookie=finish_cookie)
