"""Google's installed applications, Gemini CLI and Antigravity: authorization code with a client secret; the refresh
token stays the same. Which project requests run in: see code_assist.py.

Sources: google-gemini/gemini-cli, packages/core/src/code_assist; CLIProxyAPI v6 and v7.
"""

from collections.abc import Mapping
from typing import Any

from credentials.account import Account, Tokens, write_time
from credentials.oauth import code_assist
from credentials.oauth.answers import JSON, Final, read_tokens, refused
from credentials.oauth.clients import secret_of
from credentials.oauth.device import WHAT
from credentials.oauth.flow import Ask, Client, Failed, Steps
from credentials.oauth.ways import Browser, Clock, Found, Returned, Ticket, Way, Wishes, file_name, page_of

FINAL = Final()


def address(client: Client, ticket: Ticket) -> str:
    """The page to open."""
    secret_of(client)
    return page_of(client, ticket, {"access_type": "offline", "prompt": "consent"})


def _exchange(client: Client, ticket: Ticket, found: Returned, clock: Clock) -> Steps[tuple[Tokens, dict[str, Any]]]:
    form = {
        "grant_type": "authorization_code",
        "code": found.code.reveal(),
        "redirect_uri": ticket.redirect,
        "client_id": client.id,
        "client_secret": secret_of(client),
    }
    answer = yield Ask("POST", client.urls["token"], form=form, headers=JSON)
    return read_tokens(answer, client, WHAT, clock()), answer.json()


def email_of(client: Client, tokens: Tokens, now: float) -> Steps[str]:
    """Whose account it is. Raises Failed: without it there is no name for the file."""
    headers = JSON | {"authorization": f"Bearer {tokens.access.reveal()}"}
    answer = yield Ask("GET", client.urls["userinfo"], headers=headers)
    if not answer.ok:
        raise refused(answer, client, "asking whose account this is", now)
    email = answer.json().get("email")
    if not isinstance(email, str) or not email.strip():
        raise Failed(f"{client.title}: Google did not say whose account this is", code="no_identity")
    return email.strip()


# --- Gemini CLI -----------------------------------------------------------------------------------------------------


def finish_gemini(client: Client, ticket: Ticket, found: Returned, wishes: Wishes, clock: Clock) -> Steps[Found]:
    """Code → tokens → e-mail address → project → account."""
    tokens, said = yield from _exchange(client, ticket, found, clock)
    return (yield from gemini_account(client, tokens, said, "", wishes, clock))


def gemini_account(
    client: Client, tokens: Tokens, said: Mapping[str, Any], email: str, wishes: Wishes, clock: Clock
) -> Steps[Found]:
    """The account behind tokens, with its project. said: what the token endpoint, or a file, says besides."""
    email = email or (yield from email_of(client, tokens, clock()))
    place = yield from code_assist.place_of(client, tokens.access, wishes.project, clock)
    scopes = said.get("scope")
    body: dict[str, Any] = {
        "token": {
            "access_token": tokens.access.reveal(),
            "token_type": "Bearer",
            "refresh_token": tokens.refresh.reveal(),
            "expiry": write_time(tokens.expires),
            "token_uri": client.urls["token"],
            "client_id": client.id,
            "client_secret": client.secret,
            "scopes": (scopes if isinstance(scopes, str) and scopes else client.scope).split(),
            "universe_domain": "googleapis.com",
        },
        "project_id": ",".join(place.projects),
        "email": email,
        "auto": place.auto,
        "checked": place.checked,
        "type": "gemini",
    }
    if wishes.label:
        body["label"] = wishes.label
    name = file_name("gemini", email, "all" if place.all else place.projects[0])
    return Found(Account(name, body), place.notes)


# --- Antigravity ----------------------------------------------------------------------------------------------------


def finish_antigravity(client: Client, ticket: Ticket, found: Returned, wishes: Wishes, clock: Clock) -> Steps[Found]:
    """Code → tokens → e-mail address → project → account."""
    tokens, said = yield from _exchange(client, ticket, found, clock)
    now = clock()
    email = yield from email_of(client, tokens, now)
    project = yield from code_assist.antigravity_project(client, tokens.access, clock)
    body: dict[str, Any] = {
        "type": "antigravity",
        "access_token": tokens.access.reveal(),
        "refresh_token": tokens.refresh.reveal(),
        "expires_in": said.get("expires_in", 0),
        "timestamp": round(now * 1000),
        "expired": write_time(tokens.expires),
        "email": email,
        "project_id": project,
    }
    if wishes.label:
        body["label"] = wishes.label
    return Found(Account(file_name("antigravity", email), body))


# --- renewing -------------------------------------------------------------------------------------------------------


def refresh(account: Account, client: Client, now: float) -> Steps[Tokens]:
    """A new access token. The client is the one that the file names, if it names one whose secret is known."""
    form = {"grant_type": "refresh_token", "refresh_token": account.refresh.reveal(), **_client(account, client)}
    answer = yield Ask("POST", client.urls["token"], form=form, headers=JSON)
    return read_tokens(answer, client, "renewing the log-in", now, FINAL)


def refresh_antigravity(account: Account, client: Client, now: float) -> Steps[Tokens]:
    """A new access token, and the two times that these files have besides."""
    form = {"grant_type": "refresh_token", "refresh_token": account.refresh.reveal(), **_client(account, client)}
    answer = yield Ask("POST", client.urls["token"], form=form, headers=JSON)
    tokens = read_tokens(answer, client, "renewing the log-in", now, FINAL, keep=("expires_in",))
    return Tokens(tokens.access, tokens.refresh, tokens.expires, {**tokens.more, "timestamp": round(now * 1000)})


def _client(account: Account, client: Client) -> dict[str, str]:
    """A refresh token belongs to the client that it was given to."""
    own, secret = account.text("client_id"), account.text("client_secret")
    if secret:
        return {"client_id": own or client.id, "client_secret": secret}
    if own and own != client.id:
        message = f"{client.title}: this file belongs to another client id, and does not hold its secret"
        raise Failed(f"{message}: log in again with scripts/login {client.key}", code="foreign_client")
    return {"client_id": client.id, "client_secret": secret_of(client)}


GEMINI = Way(identity=("email", "project_id"), browser=Browser(address, finish_gemini))
ANTIGRAVITY = Way(identity=("email",), browser=Browser(address, finish_antigravity))
