"""Kimi: device grant of a public client. Requests carry headers that say which program and which machine asks; they
say what is true: cliproxy, on this machine.
"""

import platform
from typing import Any

from credentials.account import Account, Tokens, write_time
from credentials.oauth.answers import JSON, Final, claims_of, read_tokens
from credentials.oauth.device import GRANT_TYPE, WHAT, read_grant, wait_for_person
from credentials.oauth.flow import Ask, Client, Steps
from credentials.oauth.ways import Clock, Device, Found, Grant, Ticket, Way, Wishes, file_name
from providers.address import USER_AGENT

FINAL = Final(statuses=frozenset({401, 403}))


def device_headers(device_id: str) -> dict[str, str]:
    """Who asks, and from where. device_id: stays the same for an account."""
    name, _, version = USER_AGENT.partition("/")
    headers = {
        "x-msh-platform": name,
        "x-msh-version": version,
        "x-msh-device-name": platform.node() or "unknown",
        "x-msh-device-model": f"{platform.system()} {platform.machine()}",
        "x-msh-device-id": device_id,
    }
    return {name: value.encode("ascii", "replace").decode() for name, value in headers.items()}


def begin(client: Client, ticket: Ticket) -> Steps[Grant]:
    """Ask for a code to type in."""
    headers = JSON | device_headers(ticket.device)
    answer = yield Ask("POST", client.urls["device"], form={"client_id": client.id}, headers=headers)
    return read_grant(answer, client, 0.0, interval=5.0, limit=900.0, token_url=client.urls["token"])


def finish(client: Client, ticket: Ticket, grant: Grant, wishes: Wishes, clock: Clock) -> Steps[Found]:
    """Wait for the person, then the account."""
    form = {"client_id": client.id, "device_code": grant.code.reveal(), "grant_type": GRANT_TYPE}
    ask = Ask("POST", grant.token_url, form=form, headers=JSON | device_headers(ticket.device))
    answer = yield from wait_for_person(ask, grant, client, clock, slower=lambda seconds: seconds + 5)
    now = clock()
    tokens = read_tokens(answer, client, WHAT, now, keep=("token_type", "scope"))
    return Found(account_of(tokens, ticket.device, wishes, now))


def account_of(tokens: Tokens, device_id: str, wishes: Wishes, now: float) -> Account:
    """The file of an account."""
    claims = claims_of(tokens.access.reveal())
    user = claims.get("user_id") or claims.get("sub")
    body: dict[str, Any] = {
        "access_token": tokens.access.reveal(),
        "refresh_token": tokens.refresh.reveal(),
        "token_type": tokens.more.get("token_type", "Bearer"),
        "scope": tokens.more.get("scope", ""),
        "device_id": device_id,
        "expired": write_time(tokens.expires) if tokens.expires else "",
        "type": "kimi",
    }
    if isinstance(user, str) and user:
        body["user_id"] = user
    if wishes.label:
        body["label"] = wishes.label
    return Account(file_name("kimi", f"{now * 1000:.0f}"), body)


def refresh(account: Account, client: Client, now: float) -> Steps[Tokens]:
    """New tokens, both."""
    form = {"client_id": client.id, "grant_type": "refresh_token", "refresh_token": account.refresh.reveal()}
    headers = JSON | device_headers(account.text("device_id"))
    answer = yield Ask("POST", client.urls["token"], form=form, headers=headers)
    return read_tokens(answer, client, "renewing the log-in", now, FINAL, ("token_type", "scope"))


WAY = Way(identity=("user_id",), device=Device(begin, finish))
