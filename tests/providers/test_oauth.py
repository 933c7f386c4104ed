"""The data of log-ins: complete, and without secrets."""

import re
from urllib.parse import urlsplit

import pytest

from providers import oauth
from providers.catalog import DATA, CatalogError

LOG_INS = oauth.load()


def test_lead_times_and_ports_are_those_of_the_vendors_clients() -> None:
    assert {key: one.lead for key, one in LOG_INS.items() if one.lead} == {
        "claude": 4 * 3600, "codex": 5 * 86400, "antigravity": 300, "qwen": 3 * 3600, "iflow": 86400, "kimi": 300,
        "xai": 300,
    }  # fmt: skip
    ports = {key: urlsplit(one.redirect).port for key, one in LOG_INS.items() if one.redirect}
    assert ports == {"claude": 54545, "codex": 1455, "gemini-cli": 8085, "antigravity": 51121, "iflow": 11451}
    assert {key for key, one in LOG_INS.items() if one.secret} == {"gemini-cli", "antigravity", "iflow"}


def test_every_address_is_https_and_every_variable_is_one_alone() -> None:
    for one in LOG_INS.values():
        assert all(urlsplit(url).scheme == "https" for url in one.urls.values())
    assert len({one.variable for one in LOG_INS.values()}) == len(LOG_INS)


def test_no_client_secret_is_shipped() -> None:
    text = (DATA / "oauth.yaml").read_text()
    assert "GOCSPX" not in text
    assert not re.search(r"(?m)^\s*client_secret:", text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("claude: {title: C}", "client_id"),
        ("claude: {title: C, client_id: x, variable: V, urls: {token: 1}}", "urls"),
        ("claude: {title: C, client_id: x, variable: V, urls: {}, client_secret: s}", "client_secret"),
        ("a: [", "oauth.yaml"),
    ],
)
def test_a_wrong_file_is_told_where(text: str, place: str) -> None:
    with pytest.raises(CatalogError, match=place):
        oauth.read_log_ins(text)
