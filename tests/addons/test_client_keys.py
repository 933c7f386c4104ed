"""Where clients may put their key, and that it is masked there."""

import pytest
from mitmproxy import http

from addons.client_keys import MASK, Keys, take
from credentials.model import Secret


def request(path: str = "/v1/messages", *fields: tuple[bytes, bytes]) -> http.Request:
    made = http.Request.make("POST", "http://localhost/", b"")
    made.path, made.headers = path, http.Headers(fields)
    return made


@pytest.mark.parametrize(
    ("field", "keys"),
    [
        ((b"Authorization", b"Bearer sekret"), ("sekret",)),
        ((b"authorization", b"bearer  sekret "), ("sekret",)),
        ((b"Authorization", b"sekret"), ("sekret",)),
        ((b"Authorization", b"Basic c2Vr"), ("Basic c2Vr",)),
        ((b"X-Api-Key", b"sekret"), ("sekret",)),
        ((b"x-goog-api-key", b" sekret"), ("sekret",)),
        ((b"Authorization", b"Bearer "), ()),
        ((b"Authorization", b""), ()),
        ((b"X-Other", b"sekret"), ()),
    ],
)
def test_keys_in_headers(field: tuple[bytes, bytes], keys: tuple[str, ...]) -> None:
    asked = request("/v1/messages", field)
    assert take(asked).keys == keys
    for key in keys:
        assert key not in str(asked.headers)


@pytest.mark.parametrize(
    ("path", "keys", "left"),
    [
        ("/v1/x?key=se%2Bkret+1&alt=sse", ("se+kret 1",), "/v1/x?key=masked&alt=sse"),
        ("/v1/x?alt=sse&auth_token=sekret", ("sekret",), "/v1/x?alt=sse&auth_token=masked"),
        ("/v1/x?key=a&key=b", ("a", "b"), "/v1/x?key=masked&key=masked"),
        ("/v1/x?monkey=a", (), "/v1/x?monkey=a"),
        ("/v1/x?key=", (), "/v1/x?key=masked"),
        ("/v1/key=x", (), "/v1/key=x"),
    ],
)
def test_keys_in_the_query(path: str, keys: tuple[str, ...], left: str) -> None:
    asked = request(path)
    assert take(asked).keys == keys
    assert asked.path == left


def test_all_are_tried_and_all_are_masked() -> None:
    asked = request("/?key=three", (b"Authorization", b"Bearer one"), (b"x-api-key", b"two"))
    arrival = take(asked)
    assert arrival.keys == ("one", "two", "three")
    assert asked.headers["authorization"] == f"Bearer {MASK}"
    for place in (str(asked.headers), str(arrival.headers), asked.path):
        assert not any(key in place for key in arrival.keys)


@pytest.mark.parametrize("order", [(b"Bearer sekret", b""), (b"", b"Bearer sekret")])
def test_a_header_that_comes_twice_hides_nothing(order: tuple[bytes, bytes]) -> None:
    asked = request("/", *((b"Authorization", value) for value in order))
    arrival = take(asked)
    assert b"sekret" not in b"".join(value for _, value in asked.headers.fields)
    assert "sekret" not in str(arrival.headers)


def test_whose_key_it_is() -> None:
    keys = Keys([Secret("alpha"), Secret("beta")])
    assert keys
    assert keys.who(["beta"]) == 2
    assert keys.who(["wrong", "alpha"]) == 1
    assert keys.who([]) is None
    assert keys.who(["alph", "alphaa", "ALPHA", ""]) is None
    assert keys.who(["\udcff"]) is None
    assert not Keys([])
