"""Access tokens of a service account: what is signed, and what comes of each answer."""

import base64
import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from credentials.account import Account, Tokens
from credentials.oauth.flow import Answer, Ask, Client, Failed
from credentials.oauth.vertex import GRANT, SCOPE, mint, refresh

KEY = rsa.generate_private_key(65537, 1024)
NOW = 1_772_010_000.5
TOKEN_URI = "https://oauth2.googleapis.com/token"


def pem(key: Any = KEY, form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    return str(key.private_bytes(Encoding.PEM, form, NoEncryption()).decode())


def account(**changed: Any) -> Account:
    key = {
        "type": "service_account",
        "project_id": "my-proj-1",
        "private_key_id": "k1",
        "private_key": pem(),
        "client_email": "bot@my-proj-1.iam.gserviceaccount.com",
        "token_uri": TOKEN_URI,
    } | changed
    return Account("vertex-my-proj-1.json", {"type": "vertex", "service_account": key, "project_id": "my-proj-1"})


def answered(answer: Answer, **changed: Any) -> Tokens:
    """What comes of minting when Google answers so."""
    steps = mint(account(**changed), NOW)
    next(steps)
    with pytest.raises(StopIteration) as done:
        steps.send(answer)
    assert isinstance(done.value.value, Tokens)
    return done.value.value


def asked(**changed: Any) -> Ask:
    wish = next(mint(account(**changed), NOW))
    assert isinstance(wish, Ask)
    return wish


def unpacked(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.mark.parametrize(
    "private_key",
    [pem(), pem(form=PrivateFormat.TraditionalOpenSSL), pem().replace("\n", "\\n"), f"\n{pem()}"],
    ids=["pkcs8", "pkcs1", "escaped", "blank line"],
)
def test_the_assertion_is_signed_with_the_accounts_key(private_key: str) -> None:
    ask = asked(private_key=private_key)
    assert (ask.method, ask.url) == ("POST", TOKEN_URI)
    assert ask.form is not None
    assert ask.form["grant_type"] == GRANT
    header, claims, signature = ask.form["assertion"].split(".")
    assert unpacked(header) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert unpacked(claims) == {
        "iss": "bot@my-proj-1.iam.gserviceaccount.com",
        "scope": SCOPE,
        "aud": TOKEN_URI,
        "iat": 1_772_010_000,
        "exp": 1_772_013_600,
    }
    signed = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    KEY.public_key().verify(signed, f"{header}.{claims}".encode(), padding.PKCS1v15(), SHA256())


def test_a_token_and_its_end() -> None:
    body = b'{"access_token":"ya29.token-of-an-hour","expires_in":3599,"token_type":"Bearer"}'
    tokens = answered(Answer(200, body=body))
    assert tokens.access.reveal() == "ya29.token-of-an-hour"
    assert tokens.expires == NOW + 3599
    assert not tokens.refresh
    assert answered(Answer(200, body=b'{"access_token":"t"}')).expires == NOW + 3600


def test_a_key_without_an_address_asks_google_and_a_configured_address_wins() -> None:
    assert asked(token_uri="").url == TOKEN_URI
    wish = next(refresh(account(), Client("", {"token": "http://127.0.0.1:9/token"}), NOW))
    assert isinstance(wish, Ask)
    assert wish.url == "http://127.0.0.1:9/token"
    assert wish.form is not None
    assert unpacked(wish.form["assertion"].split(".")[1])["aud"] == TOKEN_URI


@pytest.mark.parametrize(
    ("answer", "dead", "word"),
    [
        (
            Answer(400, body=b'{"error":"invalid_grant","error_description":"Invalid JWT Signature."}'),
            True,
            "Signature",
        ),
        (Answer(401, body=b'{"error":"invalid_client"}'), True, "revoked"),
        (Answer(400, body=b'{"error":"invalid_request"}'), False, "invalid_request"),
        (Answer(503, body=b"<html>busy</html>"), False, "status 503"),
        (Answer(200, body=b"{}"), False, "status 200"),
        (Answer(0, error="ConnectError: no route"), False, "no route"),
    ],
)
def test_no_token(answer: Answer, dead: bool, word: str) -> None:
    steps = mint(account(), NOW)
    next(steps)
    with pytest.raises(Failed, match=word) as told:
        steps.send(answer)
    assert told.value.dead is dead


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"private_key": ""}, "no private_key"),
        ({"client_email": None}, "no client_email"),
        ({"private_key": "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----"}, "no RSA key"),
        ({"private_key": pem(ec.generate_private_key(ec.SECP256R1()))}, "no RSA key"),
        ({"token_uri": "http://oauth2.googleapis.com/token"}, "no https"),
    ],
)
def test_a_file_that_is_no_key_is_told_without_its_values(changed: dict[str, Any], word: str) -> None:
    with pytest.raises(Failed, match=word) as told:
        next(mint(account(**changed), NOW))
    assert told.value.dead
    assert "PRIVATE KEY" not in str(told.value)
    assert told.value.__cause__ is None


def test_the_key_may_be_the_file_itself() -> None:
    body = dict(account().body["service_account"]) | {"type": "vertex"}
    wish = next(mint(Account("v.json", body), NOW))
    assert isinstance(wish, Ask)
    assert urlsplit(wish.url).hostname == "oauth2.googleapis.com"
    assert "assertion" not in repr(wish)
