"""Vertex AI has no log-in: a service account's key file, as Google's console gives it, becomes the account. Its access
tokens: the JWT bearer grant (RFC 7523), signed with that key.

Source: Google, “Using OAuth 2.0 for server to server applications”, read November 2026.
"""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from credentials.account import Account, Tokens
from credentials.model import Secret
from credentials.oauth.flow import Answer, Ask, Client, Failed, Steps
from credentials.oauth.ways import Found, Way, Wishes, file_name

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
TOKEN_URL = "https://oauth2.googleapis.com/token"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFETIME = 3600
"""Seconds; Google gives no longer."""

LOCATION = "us-central1"

WAY = Way(identity=("project_id", "email"))


def read_key_file(path: Path, content: bytes, wishes: Wishes) -> Found:
    """A key file → the file of an account. Raises Failed."""
    try:
        body = json.loads(content)
    except ValueError:  # which holds the whole text
        body = None
    if not isinstance(body, dict) or body.get("type") != "service_account":
        raise Failed(f"{path} is no key of a service account (`type` is not service_account)", code="bad_file")
    key = body | {"project_id": _text(body, "project_id") or _text(body, "project")}
    for name in ("project_id", "client_email"):
        if not _text(key, name):
            raise Failed(f"{path} has no {name}", code="bad_file")
    private_key(str(path), key)
    project, email = key["project_id"], _text(key, "client_email")
    written = {
        "service_account": key | {"private_key": key["private_key"].replace("\\n", "\n")},
        "project_id": project,
        "email": email,
        "location": wishes.location or LOCATION,
        "type": "vertex",
        "label": wishes.label or f"{project} ({email})",
    }
    return Found(Account(file_name("vertex", project), written))


# --- tokens ---------------------------------------------------------------------------------------------------------


def refresh(account: Account, client: Client, now: float) -> Steps[Tokens]:
    """As the other providers' refresh: nothing of a client is needed but, perhaps, another address."""
    return mint(account, now, client.urls.get("token", ""))


def mint(account: Account, now: float, token_url: str = "") -> Steps[Tokens]:
    """Ask for an access token. token_url: instead of the key's own. Raises Failed: a key that is none (dead, the file
    must be repaired), one that Google refuses (dead), or no answer (try again).
    """
    key = _key_of(account)
    address = token_url or _text(key, "token_uri") or TOKEN_URL
    if urlsplit(address).scheme != "https" and not token_url:
        raise Failed(f"{account.name}: its token_uri is no https address", dead=True, code="bad_file")
    claims = {
        "iss": _text(key, "client_email"),
        "scope": SCOPE,
        "aud": _text(key, "token_uri") or TOKEN_URL,
        "iat": int(now),
        "exp": int(now) + LIFETIME,
    }
    assertion = sign(account.name, key, claims)
    answer = yield Ask("POST", address, form={"grant_type": GRANT, "assertion": assertion})
    return _tokens(account, answer, now)


def _tokens(account: Account, answer: Answer, now: float) -> Tokens:
    said = answer.json()
    token = said.get("access_token")
    if answer.ok and isinstance(token, str) and token:
        seconds = said.get("expires_in")
        lasting = seconds if isinstance(seconds, int | float) and not isinstance(seconds, bool) else LIFETIME
        return Tokens(Secret(token), expires=now + lasting)
    code = said.get("error") if isinstance(said.get("error"), str) else ""
    why = said.get("error_description") if isinstance(said.get("error_description"), str) else ""
    told = ": ".join(part for part in (code, why) if part) or answer.error or f"status {answer.status}"
    dead = answer.status in (400, 401) and code in ("invalid_grant", "invalid_client", "unauthorized_client")
    what = "the service account was deleted, its key revoked, or the clock is wrong" if dead else "try again later"
    raise Failed(f"{account.name}: Google gave no token ({told}); {what}", dead=dead, code=str(code or ""))


def _key_of(account: Account) -> Mapping[str, Any]:
    """The service account's key in a file: the whole object, or the file itself."""
    key = account.body.get("service_account")
    found: Mapping[str, Any] = key if isinstance(key, Mapping) else account.body
    for name in ("client_email", "private_key"):
        if not _text(found, name):
            raise Failed(f"{account.name}: the service account's key has no {name}", dead=True, code="bad_file")
    return found


def _text(key: Mapping[str, Any], name: str) -> str:
    value = key.get(name)
    return value.strip() if isinstance(value, str) else ""


def sign(name: str, key: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """A JWT of the claims, RS256. Raises Failed for a private key that cannot be read."""
    header = {"alg": "RS256", "typ": "JWT"}
    if identifier := _text(key, "private_key_id"):
        header["kid"] = identifier
    signed = f"{_packed(header)}.{_packed(claims)}"
    private = private_key(name, key)
    return f"{signed}.{_base64(private.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def private_key(name: str, key: Mapping[str, Any]) -> RSAPrivateKey:
    """The private key of a service account's key. Raises Failed if it cannot be read."""
    pem = _text(key, "private_key").replace("\\n", "\n").encode()
    try:
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, RSAPrivateKey):
        raise Failed(f"{name}: its private_key is no RSA key in PEM form", dead=True, code="bad_file") from None
    return private


def _packed(value: Mapping[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
