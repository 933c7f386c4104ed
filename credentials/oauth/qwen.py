"""Qwen: device grant with PKCE. Nobody says who the account belongs to, so a person may give it a name."""

from typing import Any

from credentials.account import Account, Tokens, write_time
from credentials.oauth.answers import JSON, Final, read_tokens
from credentials.oauth.device import GRANT_TYPE, WHAT, read_grant, wait_for_person
from credentials.oauth.flow import Ask, Client, Steps
from credentials.oauth.ways import Clock, Device, Found, Grant, Ticket, Way, Wishes, file_name, proof_key

FINAL = Final(statuses=frozenset({400, 401}))
KEPT = ("resource_url",)


def begin(client: Client, ticket: Ticket) -> Steps[Grant]:
    """Ask for a code to type in."""
    form = {"client_id": client.id, "scope": client.scope} | proof_key(ticket)
    answer = yield Ask("POST", client.urls["device"], form=form, headers=JSON)
    return read_grant(answer, client, 0.0, interval=5.0, limit=300.0, token_url=client.urls["token"])


def finish(client: Client, ticket: Ticket, grant: Grant, wishes: Wishes, clock: Clock) -> Steps[Found]:
    """Wait for the person, then the account."""
    form = {
        "grant_type": GRANT_TYPE,
        "client_id": client.id,
        "device_code": grant.code.reveal(),
        "code_verifier": ticket.verifier.reveal(),
    }
    ask = Ask("POST", grant.token_url, form=form, headers=JSON)
    answer = yield from wait_for_person(ask, grant, client, clock, slower=lambda seconds: min(10.0, seconds * 1.5))
    now = clock()
    return Found(account_of(read_tokens(answer, client, WHAT, now, keep=KEPT), wishes, now))


def account_of(tokens: Tokens, wishes: Wishes, now: float) -> Account:
    """The file of an account. Without a label the account is called by the time."""
    alias = wishes.label or f"qwen-{now * 1000:.0f}"
    body: dict[str, Any] = {
        "access_token": tokens.access.reveal(),
        "refresh_token": tokens.refresh.reveal(),
        "last_refresh": write_time(now),
        "resource_url": tokens.more.get("resource_url", ""),
        "email": alias,
        "type": "qwen",
        "expired": write_time(tokens.expires) if tokens.expires else "",
    }
    return Account(file_name("qwen", alias.removeprefix("qwen-")), body)


def refresh(account: Account, client: Client, now: float) -> Steps[Tokens]:
    """New tokens, and perhaps another address for requests."""
    form = {"grant_type": "refresh_token", "refresh_token": account.refresh.reveal(), "client_id": client.id}
    answer = yield Ask("POST", client.urls["token"], form=form, headers=JSON)
    return read_tokens(answer, client, "renewing the log-in", now, FINAL, KEPT)


WAY = Way(identity=("email",), device=Device(begin, finish))
