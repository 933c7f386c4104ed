"""Claude: authorization code with PKCE; JSON bodies; the refresh token rotates.

Sources: CLIProxyAPI v6 and v7; the requests of Claude Code as its users have described them.
"""

from dataclasses import replace
from typing import Any

from credentials.account import Account, Tokens, write_time
from credentials.oauth.answers import JSON, Final, error_of, read_tokens, retry_after
from credentials.oauth.flow import Answer, Ask, Client, Failed, Steps
from credentials.oauth.ways import Browser, Clock, Found, Returned, Ticket, Way, Wishes, file_name, page_of, proof_key

FINAL = Final(statuses=frozenset({400, 401, 403, 404}))
SHORTEST, LONGEST = 5.0, 300.0
"""Limits, in seconds, to what the token endpoint may ask us to wait."""


def address(client: Client, ticket: Ticket) -> str:
    """The page to open."""
    return page_of(client, ticket, {"code": "true"} | proof_key(ticket))


def finish(client: Client, ticket: Ticket, found: Returned, wishes: Wishes, clock: Clock) -> Steps[Found]:
    """Code → account."""
    body = {
        "grant_type": "authorization_code",
        "code": found.code.reveal(),
        "redirect_uri": ticket.redirect,
        "client_id": client.id,
        "code_verifier": ticket.verifier.reveal(),
        "state": found.state or ticket.state,
    }
    answer = yield Ask("POST", client.urls["token"], json=body, headers=JSON)
    now = clock()
    tokens = read_tokens(answer, client, "logging in", now)
    said = answer.json()
    person, house = _object(said.get("account")), _object(said.get("organization"))
    profile = yield from profile_of(client, tokens)
    identity = {
        "email": person.get("email_address") or profile.get("email"),
        "account_uuid": person.get("uuid") or profile.get("account_uuid"),
        "organization_uuid": house.get("uuid") or profile.get("organization_uuid"),
        "organization_name": house.get("name") or profile.get("organization_name"),
        "plan": profile.get("plan"),
        "rate_limit_tier": profile.get("rate_limit_tier"),
    }
    return Found(account_of(tokens, identity, wishes, now))


def profile_of(client: Client, tokens: Tokens) -> Steps[dict[str, str]]:
    """Who the account belongs to, and its plan; {} if the server does not say."""
    headers = JSON | {"authorization": f"Bearer {tokens.access.reveal()}"}
    answer = yield Ask("GET", client.urls["profile"], headers=headers)
    if not answer.ok:
        return {}
    said = answer.json()
    person, house = _object(said.get("account")), _object(said.get("organization"))
    found = {
        "email": person.get("email"),
        "account_uuid": person.get("uuid"),
        "organization_uuid": house.get("uuid"),
        "organization_name": house.get("name"),
        "plan": house.get("organization_type"),
        "rate_limit_tier": house.get("rate_limit_tier"),
    }
    return {name: value for name, value in found.items() if isinstance(value, str) and value}


def account_of(tokens: Tokens, identity: dict[str, Any], wishes: Wishes, now: float) -> Account:
    """The file of an account."""
    named = {name: value for name, value in identity.items() if isinstance(value, str) and value}
    body: dict[str, Any] = {
        "id_token": "",
        "access_token": tokens.access.reveal(),
        "refresh_token": tokens.refresh.reveal(),
        "last_refresh": write_time(now),
        "email": named.pop("email", ""),
        "type": "claude",
        "expired": write_time(tokens.expires) if tokens.expires else "",
    }
    if wishes.label:
        body["label"] = wishes.label
    who = body["email"] or wishes.label or named.get("account_uuid") or f"{now:.0f}"
    return Account(file_name("claude", str(who)), body | named)


def refresh(account: Account, client: Client, now: float) -> Steps[Tokens]:
    """New tokens; the old refresh token is dead then. The scope is left out: it stays what was granted."""
    if account.body.get("is_setup_token") or account.body.get("setup_token"):
        message = "A Claude setup token is never renewed: make a new one with `claude setup-token`"
        raise Failed(message, dead=True, code="setup_token")
    body = {"client_id": client.id, "grant_type": "refresh_token", "refresh_token": account.refresh.reveal()}
    answer = yield Ask("POST", client.urls["token"], json=body, headers=JSON)
    try:
        tokens = read_tokens(answer, client, "renewing the log-in", now, FINAL)
    except Failed as failed:
        raise _patient(failed, answer, now) from None
    email = _object(answer.json().get("account")).get("email_address")
    return replace(tokens, more={"email": email}) if isinstance(email, str) and email else tokens


def _patient(failed: Failed, answer: Answer, now: float) -> Failed:
    """After a 429, wait as told, within limits; it says nothing about the token."""
    if answer.status != 429:
        return failed
    wait = min(LONGEST, max(SHORTEST, retry_after(answer, now)))
    return Failed(str(failed), retry_after=wait, code=error_of(answer)[0] or "rate_limited")


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


WAY = Way(identity=("email", "organization_uuid"), browser=Browser(address, finish))
