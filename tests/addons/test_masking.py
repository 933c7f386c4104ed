"""Secrets out of texts, bodies, headers and failures; the rest word for word."""

import json

import pytest

from addons.config import load as config_file
from addons.inspection.masking import REMEMBERED, Masker, masked
from addons.known_secrets import secrets_of
from credentials.accounts import Accounts, Customs
from credentials.store import Stored
from translators.model import Failure

KNOWN = "tok/en-with+odd=signs-4711"
LIKE_KEYS = {
    "sk-ant-api03-abcdefghijklmnop": "sk-a...mnop",
    "sk-proj-abcdefghijklmnop": "sk-p...mnop",
    "AIzaSyA1234567890abcdefghijklm": "AIza...jklm",
    "ya29.a0AfB_by0123456789": "ya29...6789",
    "gho_16C7e42F292c6912E7710c838347Ae178B4a": "gho_...8B4a",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4": "eyJh...2QT4",
    "Bearer 0123456789abcdef0123": "Bearer 0123...0123",
    "Bearer sk-ant-api03-abcdefghijklmnop": "Bearer sk-a...mnop",
}
WORDS = (
    "a task-force-of-very-many-people",
    "disk-usage-of-the-whole-machine",
    "the bearer tokens-of-the-many-clients",
    "eyJhbGciOiJIUzI1NiJ9 alone",
    "gAAAAABsk-AbCdEfGhIjKlMnOpQrStUv",
    '"cliproxy.1.eyJ0IjoieCJ9c2stYWJjZGVmZ2hpams"',
)


@pytest.mark.parametrize(("key", "mask"), LIKE_KEYS.items())
def test_what_looks_like_a_key_is_masked_wherever_it_stands(key: str, mask: str) -> None:
    masker = Masker()
    for before, after in (("", ""), ("key: ", "."), ('{"a":"', '"}'), ("x\\n", "\\n"), ("(", ") and so on")):
        assert masker.text(before + key + after) == before + mask + after
        assert masker.body((before + key + after).encode()) == masker.text(before + key + after).encode()


@pytest.mark.parametrize("words", WORDS)
def test_words_are_left_alone(words: str) -> None:
    body = words.encode()
    assert Masker().text(words) == words
    assert Masker().body(body) is body


def test_a_known_secret_is_found_in_every_spelling() -> None:
    masker = Masker([KNOWN, "short"])
    mask = masked(KNOWN)
    for text in (KNOWN, KNOWN.replace("/", "\\/"), "?k=tok%2Fen-with%2Bodd%3Dsigns-4711", f"ab{KNOWN}cd"):
        assert "4711" in masker.text(text)
        assert mask in masker.text(text), text
        assert masker.known(text.encode()) == masker.text(text).encode()
    assert masker.text("a short word") == "a short word"


def test_several_keys_in_one_body() -> None:
    body = b'["sk-ant-api03-abcdefghijklmnop", "AIzaSyA1234567890abcdefghijklm", "Bearer sk-aaaaaaaaaaaaaaaaaaaa"]'
    assert Masker().body(body) == b'["sk-a...mnop", "AIza...jklm", "Bearer sk-a...aaaa"]'


def test_masks_tell_little_of_short_secrets() -> None:
    assert [masked(secret) for secret in ("x" * 8, "abcdefghi", "abcdefghijklmnopq")] == [
        "...", "ab...hi", "abcd...nopq",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("Authorization", "Bearer whatever-it-may-be", "Bearer what...y-be"),
        ("authorization", "Bearer [claude:1]", "Bearer [claude:1]"),
        ("x-api-key", "[client key]", "[client key]"),
        ("X-My-Token", "whatever-it-may-be", "what...y-be"),
        ("cookie", "session=whatever-it-may-be", "sess...y-be"),
        ("anthropic-ratelimit-tokens-remaining", "1234567890", "1234567890"),
        ("x-note", "see sk-ant-api03-abcdefghijklmnop", "see sk-a...mnop"),
        ("x-note", "nothing", "nothing"),
    ],
)
def test_headers(name: str, value: str, told: str) -> None:
    assert Masker().header(name, value) == told


def test_queries() -> None:
    masker = Masker()
    assert masker.path("/v1/x?alt=sse&key=masked") == "/v1/x?alt=sse&key=masked"
    assert masker.path("/v1?My_Token[]=abcdefghijklmnopqr&a=b") == "/v1?My_Token[]=abcd...opqr&a=b"
    assert masker.path("/v1/token=abc") == "/v1/token=abc"


def test_a_failure_repeats_no_key() -> None:
    told = Masker([KNOWN]).failure(
        Failure(kind="auth", message=f"wrong key {KNOWN}", code=KNOWN, headers={"x-seen": KNOWN, "request-id": "r1"})
    )
    assert KNOWN not in repr(told)
    assert told.headers["request-id"] == "r1"
    plain = Failure(kind="auth", message="wrong key")
    assert Masker([KNOWN]).failure(plain) is plain


def test_every_secret_of_a_config_and_of_its_accounts_is_known() -> None:
    text = """
api-keys: [client-key-number-one]
remote-management: {secret-key: management-key-1}
claude-api-key:
  - {api-key: claude-key-number-1, headers: {X-Team: blue, X-My-Token: header-token, X-Made: 4f5e6d7c8b9a0f1e2d}}
openai-compatibility:
  - {name: lab, base-url: "http://lab.test/v1", api-key-entries: [{api-key: lab-key-number-1}], models: [{name: m}]}
oauth: {gemini-cli: {client-secret: client-secret-1}}
"""
    loaded = config_file.parse(text, "config.yaml")
    assert loaded.config is not None, loaded.problems
    accounts = Accounts(None)  # type: ignore[arg-type]  # nothing is read from a store here
    key = "-----BEGIN PRIVATE KEY-----\n" + "A1b2" * 16 + "\n-----END PRIVATE KEY-----"
    bodies = (
        {"type": "claude", "access_token": "access-1", "refresh_token": "refresh-1", "email": "a@b"},
        {"type": "vertex", "service_account": {"private_key": key}},
    )
    accounts.take(Stored(f"{body['type']}.json", json.dumps(body).encode(), "1") for body in bodies)
    found = set(secrets_of(loaded.config, accounts.credentials(Customs()), accounts))
    assert {
        "client-key-number-one", "management-key-1", "claude-key-number-1", "lab-key-number-1", "client-secret-1",
        "access-1", "refresh-1", key, "A1b2" * 16,
    } <= found  # fmt: skip
    assert "a@b" not in found


def test_thousands_of_secrets_are_looked_for_in_one_pass() -> None:
    secrets = [f"secret-{number:04d}-{'x' * (number % 40)}y" for number in range(REMEMBERED)]
    masker = Masker(secrets)
    body = b"plain text, over and over; " * 40_000
    assert masker.body(body) is body
    told = masker.body(body + f"{secrets[0]} {secrets[-1]}x {secrets[7]}".encode())
    assert told == body + f"{masked(secrets[0])} {masked(secrets[-1])}x {masked(secrets[7])}".encode()


def test_a_key_behind_something_like_one_is_found() -> None:
    body = b"x-sk-abcdefghijkl sk-AIza AIzaSyA1234567890abcdefghijklm Bearer Bearer 0123456789abcdef0123"
    assert Masker().body(body) == b"x-sk-abcdefghijkl sk-AIza AIza...jklm Bearer Bearer 0123...0123"
