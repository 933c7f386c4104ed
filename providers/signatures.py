"""Headers that prove who sends a request: made of the secret, so only the wire has them."""

import hashlib
import hmac
import uuid
from collections.abc import Callable, Mapping

type Signature = Callable[[str, Mapping[str, str], str, float], dict[str, str]]


def iflow(secret: str, headers: Mapping[str, str], session: str, now: float) -> dict[str, str]:
    """iFlow's check: an HMAC-SHA256 over the user agent as it is sent, the session and the time in milliseconds.

    session: what the conversation can be told by; the same gives the same session id.
    """
    identifier = f"session-{uuid.uuid5(uuid.NAMESPACE_URL, session)}"
    stamp = str(int(now * 1000))
    message = f"{headers.get('user-agent', '')}:{identifier}:{stamp}"
    signed = hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
    return {"session-id": identifier, "x-iflow-timestamp": stamp, "x-iflow-signature": signed}


SIGNATURES: dict[str, Signature] = {"iflow": iflow}
"""By the name that `signature` in data/providers.yaml uses: secret, headers, session, unix seconds → more headers."""
