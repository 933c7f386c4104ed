"""Answers of authorization servers: the words of each, and what may be shown of them."""

import json
from typing import Any

import pytest

from credentials.oauth.answers import Final, claims_of, clean, error_of, read_tokens, reasons_of, refused, retry_after
from credentials.oauth.flow import Answer, Client, Failed
from tests.upstreams.authorization import jwt

CLIENT = Client("id-1", {}, key="claude", title="Claude")
NOW = 1_780_000_000.0
TOKEN = "sk-ant-ort01-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"


def said(status: int, body: Any, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, headers or {}, body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"error": "invalid_grant", "error_description": "gone"}, ("invalid_grant", "gone")),
        ({"error": {"code": "refresh_token_invalidated", "message": "m"}}, ("refresh_token_invalidated", "m")),
        ({"error": {"type": "rate_limit_error", "message": "m"}}, ("rate_limit_error", "m")),
        ({"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "m"}}, ("PERMISSION_DENIED", "m")),
        ({"code": "token_expired", "detail": "d"}, ("token_expired", "d")),
        ({"error": TOKEN}, ("", "")),
        ({"error": ["odd"]}, ("", "")),
        (b"<html>", ("", "")),
        (b"[1]", ("", "")),
    ],
)
def test_code_and_text_wherever_they_stand(body: Any, found: tuple[str, str]) -> None:
    assert error_of(said(400, body)) == found


def test_googles_reasons() -> None:
    body = {"error": {"details": [{"reason": "SERVICE_DISABLED"}, "odd", {"other": 1}]}}
    assert reasons_of(said(403, body)) == {"SERVICE_DISABLED"}
    assert reasons_of(said(403, {"error": "x"})) == frozenset()


@pytest.mark.parametrize(
    ("status", "body", "dead"),
    [
        (400, {"error": "invalid_grant"}, True),
        (401, {"error": "anything"}, True),
        (401, {}, False),
        (403, b"<html>", False),
        (400, {"error": "invalid_client"}, False),
        (400, {"error": "unauthorized_client"}, False),
        (429, {"error": "invalid_grant"}, False),
        (500, {"error": "invalid_grant"}, False),
        (0, b"", False),
    ],
)
def test_only_the_servers_own_word_ends_a_refresh_token(status: int, body: Any, dead: bool) -> None:
    failed = refused(said(status, body), CLIENT, "renewing the log-in", NOW, Final(statuses=frozenset({401})))
    assert failed.dead is dead
    assert ("scripts/login claude" in str(failed)) is dead


def test_a_wrong_client_secret_names_its_key() -> None:
    assert "oauth: claude: client-id" in str(refused(said(401, {"error": "invalid_client"}), CLIENT, "x", NOW))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0.0),
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": "Thu, 28 May 2026 20:27:40 GMT"}, 60.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "soon"}, 0.0),
        ({"retry-after": "-5"}, 0.0),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], seconds: float) -> None:
    assert retry_after(said(429, {}, headers), NOW) == seconds


@pytest.mark.parametrize(
    "text",
    [f"the token {TOKEN} is bad", f"bad:{TOKEN}!", f"see https://a.example/x?token={TOKEN}", jwt({"a": 1})],
)
def test_nothing_that_could_be_a_token_is_shown(text: str) -> None:
    shown = clean(text)
    assert TOKEN[8:30] not in shown
    assert "eyJ" not in shown
    failed = refused(said(400, {"error": "invalid_grant", "error_description": text}), CLIENT, "x", NOW)
    assert TOKEN[8:30] not in str(failed)


def test_words_stay_words() -> None:
    text = "refresh_token_invalidated: SECURITY_POLICY_VIOLATED by https://a.example/help page"
    assert clean(text) == text
    assert clean("a\n b  c") == "a b c"
    assert len(clean("word " * 500)) == 300


def test_tokens_end_when_the_answer_says_or_the_token_itself() -> None:
    assert read_tokens(said(200, {"access_token": "a", "expires_in": "60.5"}), CLIENT, "x", NOW).expires == NOW + 60.5
    own = read_tokens(said(200, {"access_token": jwt({"exp": 5})}), CLIENT, "x", NOW)
    assert own.expires == 5.0
    assert read_tokens(said(200, {"access_token": "a", "expires_in": -1}), CLIENT, "x", NOW).expires == 0.0
    with pytest.raises(Failed, match="without a token"):
        read_tokens(said(200, {"success": False}), CLIENT, "x", NOW)


@pytest.mark.parametrize("token", ["", "a.b", "a.!.c", "a.W10.c", "a.bm90anNvbg.c"])
def test_what_is_no_jwt_claims_nothing(token: str) -> None:
    assert claims_of(token) == {}
