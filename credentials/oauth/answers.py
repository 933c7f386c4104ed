"""What authorization servers answer: tokens, claims, and refusals in the words of each, made readable for people.

A refusal is told with the server's own code and text. The text is cleaned: nothing that could be a token stays in it.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from credentials.account import Tokens
from credentials.model import Secret
from credentials.oauth.flow import Answer, Client, Failed

JSON = {"accept": "application/json"}


@dataclass(frozen=True, slots=True)
class Final:
    """When a refused refresh is the end of the refresh token: one of these codes, or one of these statuses with a
    JSON body (a page of HTML is an outage or a gatekeeper, and says nothing about the token).
    """

    codes: frozenset[str] = frozenset({"invalid_grant"})
    statuses: frozenset[int] = frozenset()


_MENDABLE = frozenset({"invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope"})
"""Refusals of the client, not of the token: with another client id or secret the token works."""

_WORDS = {
    "invalid_grant": "the log-in is no longer valid, or was used elsewhere",
    "refresh_token_reused": "the refresh token was used already: another program has renewed this log-in",
    "refresh_token_expired": "the log-in has expired",
    "refresh_token_invalidated": "the log-in was ended",
    "access_denied": "the log-in was denied",
    "expired_token": "the code has expired",
    "invalid_client": "the client id or client secret is not accepted",
    "unauthorized_client": "the client id does not belong to this log-in",
}


def error_of(answer: Answer) -> tuple[str, str]:
    """Code and text of a refusal, wherever the server puts them; "" for what it does not say."""
    body = answer.json()
    error = body.get("error")
    inner: Mapping[str, Any] = error if isinstance(error, dict) else {}
    plain = error if isinstance(error, str) else ""
    code = _text(inner.get("code")) or plain or _text(inner.get("type")) or _text(inner.get("status"))
    code = code or _text(body.get("code"))
    text = _text(inner.get("message")) or _text(body.get("error_description")) or _text(body.get("message"))
    return code if _CODE.fullmatch(code) else "", clean(text or _text(body.get("detail")))


def reasons_of(answer: Answer) -> frozenset[str]:
    """The `reason` words in the details of a Google error."""
    error = answer.json().get("error")
    details = error.get("details") if isinstance(error, dict) else None
    if not isinstance(details, list):
        return frozenset()
    return frozenset(str(one["reason"]) for one in details if isinstance(one, dict) and "reason" in one)


def refused(
    answer: Answer, client: Client, what: str, now: float, final: Final | None = None, advice: str = ""
) -> Failed:
    """The Failed for an answer that is none. what: what was tried (“renewing the log-in”). final: for refreshes."""
    who = client.title or client.key or "the server"
    if not answer.status:
        message = f"{who} could not be reached while {what} ({clean(answer.error)})"
        return Failed(f"{message}: is the network there, and proxy-url right?", code="unreachable")
    code, text = error_of(answer)
    wait = retry_after(answer, now)
    if answer.status >= 500 or answer.status == 408:
        return Failed(f"{who} is out of order while {what} (status {answer.status}): try again later", retry_after=wait)
    if answer.status == 429:
        later = f"in {wait:.0f} seconds" if wait else "later"
        message = f"{who} asks for patience while {what} (too many requests): try again {later}"
        return Failed(message, retry_after=wait, code=code or "rate_limited")
    said = ": ".join(dict.fromkeys(piece for piece in (_WORDS.get(code, ""), text or code) if piece))
    said = said or ("a web page instead of an answer" if answer.body.lstrip()[:1] == b"<" else "without a reason")
    message = f"{who} refused while {what} (status {answer.status}): {said}"
    dead = final is not None and code not in _MENDABLE
    dead = dead and final is not None and (code in final.codes or (answer.status in final.statuses and bool(code)))
    if code in ("invalid_client", "unauthorized_client"):
        advice = f"check oauth: {client.key}: client-id and client-secret in the config"
    elif dead:
        advice = advice or f"log in again: scripts/login {client.key}"
    return Failed(f"{message}. {advice[0].upper()}{advice[1:]}" if advice else message, dead=dead, code=code)


def read_tokens(
    answer: Answer,
    client: Client,
    what: str,
    now: float,
    final: Final | None = None,
    keep: tuple[str, ...] = (),
) -> Tokens:
    """The tokens of an answer. keep: further members of it that are written to the file. Raises Failed."""
    if not answer.ok:
        raise refused(answer, client, what, now, final)
    body = answer.json()
    access = _text(body.get("access_token"))
    if not access:
        code, text = error_of(answer)
        said = f" ({text or code})" if text or code else ""
        raise Failed(f"{client.title} answered without a token while {what}{said}", code=code or "no_token")
    return Tokens(
        access=Secret(access),
        refresh=Secret(_text(body.get("refresh_token"))),
        expires=_end(body.get("expires_in"), access, now),
        more={name: body[name] for name in keep if body.get(name) not in (None, "")},
    )


def _end(seconds: Any, access: str, now: float) -> float:
    """When a token ends: as the answer says, else as a JWT says itself; 0 if neither does."""
    try:
        span = float(seconds)
    except (TypeError, ValueError):
        span = 0.0
    if 0 < span < 1e10:
        return now + span
    end = claims_of(access).get("exp")
    return float(end) if isinstance(end, int | float) and not isinstance(end, bool) else 0.0


def claims_of(token: str) -> dict[str, Any]:
    """What a JWT says, unchecked (it came from its author, over TLS); {} if it is none."""
    pieces = token.split(".")
    if len(pieces) != 3:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(pieces[1] + "=" * (-len(pieces[1]) % 4)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def retry_after(answer: Answer, now: float) -> float:
    """How long the server asks to wait, in seconds; 0 if it does not say."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    try:
        if headers.get("retry-after-ms"):
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        return max(0.0, float(headers.get("retry-after") or 0))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(headers["retry-after"]).timestamp() - now)
    except (KeyError, ValueError):
        return 0.0


_ADDRESS = re.compile(r"https?://\S+")
_CODE = re.compile(r"[A-Za-z_. -]{1,48}|\d{1,8}")
_TOKEN = re.compile(r"(?![a-z_.-]+(?![A-Za-z0-9~+/=])|[A-Z_.-]+(?![A-Za-z0-9~+/=]))[A-Za-z0-9_~+/=.\-]{24,}")
"""A long run of a token's letters that is no mere word in one case."""

_LONGEST = 300


def clean(text: str) -> str:
    """A server's words as they may be shown: one line, not long, without what could be a token or carry one."""
    line = " ".join(text.split())
    line = _ADDRESS.sub(lambda found: found[0].partition("?")[0].partition("#")[0], line)
    pieces = [word if word.startswith(("http://", "https://")) else _TOKEN.sub("…", word) for word in line.split(" ")]
    line = " ".join(pieces)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
