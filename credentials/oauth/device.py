"""The device grant (RFC 8628): ask for a code, then ask whether the person has typed it in."""

from collections.abc import Callable

from credentials.model import Secret
from credentials.oauth.answers import error_of, refused
from credentials.oauth.flow import Answer, Ask, Client, Failed, Pause, Steps
from credentials.oauth.ways import Clock, Grant

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
WHAT = "logging in"

OUTAGES = 5
"""So many failures of the network or the server in a row are lived with."""


def read_grant(answer: Answer, client: Client, now: float, *, interval: float, limit: float, token_url: str) -> Grant:
    """The code a person has to type in. interval: the least, in seconds. limit: the longest wait. Raises Failed."""
    if not answer.ok:
        raise refused(answer, client, WHAT, now)
    body = answer.json()
    code, page = body.get("device_code"), body.get("verification_uri_complete") or body.get("verification_uri")
    if not (isinstance(code, str) and code and isinstance(page, str) and page.startswith(("https://", "http://"))):
        raise Failed(f"{client.title} gave no code to log in with", code=error_of(answer)[0] or "no_device_code")
    return Grant(
        code=Secret(code),
        user_code=str(body.get("user_code") or ""),
        page=page,
        token_url=token_url,
        expires_in=min(limit, seconds_of(body.get("expires_in"), limit)),
        interval=max(interval, seconds_of(body.get("interval"), 0.0)),
    )


def seconds_of(value: object, otherwise: float) -> float:
    """A number of seconds, also as text."""
    try:
        found = float(value) if isinstance(value, str | int | float) else 0.0
    except ValueError:
        return otherwise
    return found if 0 < found < 1e9 else otherwise


def verdict(answer: Answer) -> str:
    """What an answer to a poll means: ok, pending, slow_down, outage, or the code of a refusal."""
    if answer.ok and answer.json().get("access_token"):
        return "ok"
    code = error_of(answer)[0]
    if code in ("authorization_pending", "slow_down"):
        return "pending" if code == "authorization_pending" else code
    if not answer.status or answer.status >= 500:
        return "outage"
    return "slow_down" if answer.status == 429 else code or "refused"


def wait_for_person(
    ask: Ask,
    grant: Grant,
    client: Client,
    clock: Clock,
    *,
    slower: Callable[[float], float],
    at_once: bool = False,
    judge: Callable[[Answer], str] = verdict,
) -> Steps[Answer]:
    """Ask until the person has agreed. slower: the next interval after `slow_down`. Raises Failed."""
    interval, waited, outages = grant.interval, 0.0, 0
    if not at_once:
        yield Pause(interval)
        waited = interval
    while True:
        answer = yield ask
        found = judge(answer)
        if found == "ok":
            return answer
        outages = outages + 1 if found == "outage" else 0
        if found == "slow_down":
            interval = slower(interval)
        elif outages > OUTAGES or found not in ("pending", "outage"):
            again = f"start again: scripts/login {client.key}"
            raise refused(answer, client, WHAT, clock(), advice=again)
        if waited + interval > grant.expires_in:
            message = f"Nobody typed in the code in time ({grant.expires_in / 60:.0f} minutes)"
            raise Failed(f"{message}: start again with scripts/login {client.key}", code="expired_token")
        yield Pause(interval)
        waited += interval
