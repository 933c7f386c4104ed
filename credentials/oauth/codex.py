"""ChatGPT (Codex): authorization code with PKCE, or OpenAI's own device flow; the refresh token is used up at once.

Sources: the public Codex CLI (codex-rs/login); CLIProxyAPI v6 and v7.
"""

import re
from dataclasses import replace
from typing import Any

from credentials.account import Account, Tokens, write_time
from credentials.model import Secret
from credentials.oauth.answers import JSON, Final, claims_of, error_of, read_tokens, refused
from credentials.oauth.device import WHAT, seconds_of, wait_for_person
from credentials.oauth.flow import Answer, Ask, Client, Failed, Steps
from credentials.oauth.ways import (
    Browser,
    Clock,
    Device,
    Found,
    Grant,
    Returned,
    Ticket,
    Way,
    Wishes,
    digest,
    file_name,
    page_of,
    proof_key,
)

FINAL = Final(
    codes=frozenset({"invalid_grant", "refresh_token_reused", "refresh_token_expired", "refresh_token_invalidated"}),
    statuses=frozenset({401}),
)
PATIENCE = 900.0
"""Seconds a device code is good for."""

_PROFILE, _AUTH = "https://api.openai.com/profile", "https://api.openai.com/auth"


def address(client: Client, ticket: Ticket) -> str:
    """The page to open."""
    own = {"prompt": "login", "id_token_add_organizations": "true", "codex_cli_simplified_flow": "true"}
    return page_of(client, ticket, proof_key(ticket) | own)


def finish(client: Client, ticket: Ticket, found: Returned, wishes: Wishes, clock: Clock) -> Steps[Found]:
    """Code → account."""
    return (yield from _exchange(client, found.code, ticket.verifier, ticket.redirect, wishes, clock))


def _exchange(
    client: Client, code: Secret, verifier: Secret, redirect: str, wishes: Wishes, clock: Clock
) -> Steps[Found]:
    form = {
        "grant_type": "authorization_code",
        "client_id": client.id,
        "code": code.reveal(),
        "redirect_uri": redirect,
        "code_verifier": verifier.reveal(),
    }
    answer = yield Ask("POST", client.urls["token"], form=form, headers=JSON)
    now = clock()
    tokens = read_tokens(answer, client, WHAT, now, keep=("id_token",))
    return Found(account_of(tokens, "", wishes, now))


# --- the device flow ------------------------------------------------------------------------------------------------


def begin(client: Client, ticket: Ticket) -> Steps[Grant]:
    """Ask for a code to type in."""
    answer = yield Ask("POST", client.urls["device"], json={"client_id": client.id}, headers=JSON)
    if answer.status == 404:
        message = (
            "ChatGPT has no device log-in for this account: switch it on in ChatGPT's security settings, or log in"
        )
        raise Failed(f"{message} with the browser: scripts/login codex", code="device_off")
    if not answer.ok:
        raise refused(answer, client, WHAT, 0.0)
    said = answer.json()
    handle, user_code = said.get("device_auth_id"), said.get("user_code") or said.get("usercode")
    if not isinstance(handle, str) or not isinstance(user_code, str):
        raise Failed("ChatGPT gave no code to log in with", code="no_device_code")
    interval = max(1.0, seconds_of(said.get("interval"), 5.0))
    return Grant(Secret(handle), user_code, client.urls["device_page"], client.urls["device_token"], PATIENCE, interval)


def finish_device(client: Client, ticket: Ticket, grant: Grant, wishes: Wishes, clock: Clock) -> Steps[Found]:
    """Wait for the person; what comes then is a code as from a browser, with its verifier."""
    body = {"device_auth_id": grant.code.reveal(), "user_code": grant.user_code}
    ask = Ask("POST", grant.token_url, json=body, headers=JSON)
    answer = yield from wait_for_person(ask, grant, client, clock, slower=lambda seconds: seconds + 5, judge=_judge)
    said = answer.json()
    code, verifier = Secret(str(said["authorization_code"])), Secret(str(said.get("code_verifier") or ""))
    return (yield from _exchange(client, code, verifier, client.urls["device_redirect"], wishes, clock))


def _judge(answer: Answer) -> str:
    """403 and 404 mean that nobody has typed it in yet."""
    if answer.ok:
        return "ok" if answer.json().get("authorization_code") else "refused"
    if answer.status in (403, 404):
        return "pending"
    if answer.status == 429:
        return "slow_down"
    return "outage" if not answer.status or answer.status >= 500 else error_of(answer)[0] or "refused"


# --- who it is ------------------------------------------------------------------------------------------------------


def identity_of(id_token: str) -> dict[str, str]:
    """email, account_id (of the workspace) and plan, as far as the token says."""
    claims = claims_of(id_token)
    auth, profile = claims.get(_AUTH), claims.get(_PROFILE)
    auth = auth if isinstance(auth, dict) else {}
    profile = profile if isinstance(profile, dict) else {}
    found = {
        "email": claims.get("email") or profile.get("email"),
        "account_id": auth.get("chatgpt_account_id"),
        "plan": auth.get("chatgpt_plan_type"),
    }
    return {name: value.strip() for name, value in found.items() if isinstance(value, str) and value.strip()}


def account_of(tokens: Tokens, account_id: str, wishes: Wishes, now: float) -> Account:
    """The file of an account. account_id: where the id_token does not say. The plan is read from the id_token."""
    id_token = str(tokens.more.get("id_token") or "")
    who = identity_of(id_token)
    account_id = account_id or who.get("account_id", "")
    body: dict[str, Any] = {
        "id_token": id_token,
        "access_token": tokens.access.reveal(),
        "refresh_token": tokens.refresh.reveal(),
        "account_id": account_id,
        "last_refresh": write_time(now),
        "email": who.get("email", ""),
        "type": "codex",
        "expired": write_time(tokens.expires) if tokens.expires else "",
    }
    if wishes.label:
        body["label"] = wishes.label
    plan = re.sub(r"[^a-z0-9]+", "-", who.get("plan", "").lower()).strip("-")
    name = file_name("codex", digest(account_id), who.get("email") or wishes.label or f"{now:.0f}", plan)
    return Account(name, body)


def refresh(account: Account, client: Client, now: float) -> Steps[Tokens]:
    """New tokens; the old refresh token is dead then."""
    form = {
        "client_id": client.id,
        "grant_type": "refresh_token",
        "refresh_token": account.refresh.reveal(),
        "scope": "openid profile email",
    }
    answer = yield Ask("POST", client.urls["token"], form=form, headers=JSON)
    tokens = read_tokens(answer, client, "renewing the log-in", now, FINAL, keep=("id_token",))
    who = identity_of(str(tokens.more.get("id_token") or ""))
    fresh: dict[str, Any] = {name: who[name] for name in ("email", "account_id") if name in who}
    return replace(tokens, more={**tokens.more, **fresh})


WAY = Way(identity=("account_id", "email"), browser=Browser(address, finish), device=Device(begin, finish_device))
