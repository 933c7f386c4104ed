"""Token counts: requests of counting endpoints, and answers in each client's words."""

import json

import pytest

from translators.counting import read_count, write_count, write_count_reply
from translators.errors import Unreadable

CLAUDE = (
    b'{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"x"}],"tools":[],"metadata":{}}'
)
RESPONSES = b'{"model":"m","input":"x","instructions":"be","stream":true,"store":false,"include":[]}'


def test_what_counting_endpoints_refuse_is_left_out() -> None:
    assert list(json.loads(write_count("claude", CLAUDE, "m"))) == ["model", "messages", "tools"]
    assert list(json.loads(write_count("openai-responses", RESPONSES, "m"))) == ["model", "input", "instructions"]


def test_values_keep_their_bytes() -> None:
    body = b'{"model":"m","messages":[{"n":1.0,"big":12345678901234567890123, "e":"\\u00e9"}]}'
    assert b'[{"n":1.0,"big":12345678901234567890123, "e":"\\u00e9"}]' in write_count("claude", body, "m")


def test_gemini_counts_a_whole_request_or_bare_contents() -> None:
    body = b'{"contents":[{"parts":[{"text":"x"}]}],"systemInstruction":{"parts":[]}}'
    asked = json.loads(write_count("gemini", body, "g-1"))
    assert asked == {"generateContentRequest": {"model": "models/g-1"} | json.loads(body)}
    whole = b'{"generateContentRequest":{"model":"models/g-1","contents":[]}}'
    assert write_count("gemini", whole, "g-1") == whole


def test_chat_has_no_counting_endpoint() -> None:
    with pytest.raises(ValueError, match="openai-chat"):
        write_count("openai-chat", b"{}", "m")


@pytest.mark.parametrize("body", [b"[]", b"{", b"", b"3"])
@pytest.mark.parametrize("dialect", ["claude", "gemini", "openai-responses"])
def test_a_body_that_is_no_object_is_refused_in_words(body: bytes, dialect: str) -> None:
    with pytest.raises(Unreadable):
        write_count(dialect, body, "m")


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        (b'{"input_tokens":0}', 0),
        (b'{"input_tokens":12,"context_management":{}}', 12),
        (b'{"totalTokens":7,"cachedContentTokenCount":3}', 7),
        (b'{"object":"response.input_tokens","input_tokens":5}', 5),
    ],
)
def test_counts_are_read(body: bytes, tokens: int) -> None:
    assert read_count(body) == tokens


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{}", b"[]", b"null", b'{"input_tokens":"many"}', b'{"input_tokens":null}']
)
def test_what_is_no_count_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read_count(body)


def test_each_client_hears_its_own_words() -> None:
    assert json.loads(write_count_reply("claude", 3)) == {"input_tokens": 3}
    assert json.loads(write_count_reply("gemini", 3)) == {"totalTokens": 3}
    assert json.loads(write_count_reply("openai-responses", 3)) == {
        "object": "response.input_tokens",
        "input_tokens": 3,
    }
