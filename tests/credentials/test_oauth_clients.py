"""Who we are to a server: shipped data, the config over it, the environment over both; and the tables are complete."""

import logging
import sys

import pytest

from addons.config.load import parse
from credentials.model import OwnClient, Secret
from credentials.oauth import LOGINS, REFRESH, login
from credentials.oauth.clients import clients_of, secret_of
from credentials.oauth.flow import Failed
from providers import oauth

SHIPPED = oauth.load()


def test_every_provider_has_its_functions() -> None:
    assert set(REFRESH) == set(LOGINS) == set(SHIPPED)


def test_the_environment_goes_before_the_config_and_that_before_the_data() -> None:
    own = {"gemini-cli": OwnClient("my-id", Secret("from-config"), {"code-assist": "https://a.example"})}
    client = clients_of(SHIPPED, own, {})["gemini-cli"]
    assert (client.id, client.secret, client.urls["code_assist"]) == ("my-id", "from-config", "https://a.example")
    assert client.urls["token"] == SHIPPED["gemini-cli"].urls["token"]
    environment = {
        "CLIPROXY_GEMINI_CLIENT_SECRET": " from-env ",
        "CLIPROXY_GEMINI_CLIENT_ID": "env-id",
        "CLIPROXY_GEMINI_CODE_ASSIST_URL": "https://b.example",
    }
    client = clients_of(SHIPPED, own, environment)["gemini-cli"]
    assert (client.id, client.secret, client.urls["code_assist"]) == ("env-id", "from-env", "https://b.example")
    assert "from-env" not in repr(client)


def test_a_secret_is_missed_only_where_one_is_wanted() -> None:
    clients = clients_of(SHIPPED, {}, {})
    assert secret_of(clients["claude"]) == ""
    with pytest.raises(Failed, match=r"oauth: iflow: client-secret.*CLIPROXY_IFLOW_CLIENT_SECRET"):
        secret_of(clients["iflow"])


def test_the_config_is_checked() -> None:
    text = (
        "oauth:\n"
        "  gemini-cli: {client-secret: s3cret, urls: {token: 'https://a.example/t', userinfo: 'https://a.example/u?a=b'}}\n"
        "  iflow: {urls: {tokn: 'http://127.0.0.1:1/x'}}\n"
        "  gemnii: {client-id: x}\n"
    )
    loaded = parse(text, "c.yaml")
    assert loaded.config is not None
    own = loaded.config.oauth["gemini-cli"]
    assert (own.client_secret, own.urls["userinfo"]) == (Secret("s3cret"), "https://a.example/u?a=b")
    said = "\n".join(str(problem) for problem in loaded.warnings)
    assert "oauth.iflow.urls.tokn: there is no such address; there are authorize, token, userinfo, apikey" in said
    assert "there is no log-in of this name; there is one for claude, codex" in said
    assert "s3cret" not in said


def test_tokens_go_nowhere_in_the_clear() -> None:
    loaded = parse("oauth: {claude: {urls: {token: 'http://a.example/t'}}}", "c.yaml")
    assert "should be an https:// address" in str(loaded.errors[0])


def test_what_is_asked_is_not_logged() -> None:
    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)


def test_authlibs_http_clients_stay_out() -> None:
    assert login.create_s256_code_challenge("v") == "TJRIXgwhrmxBzh3-e2v6zupato5AokdvUCCOUm9QYIA"
    assert not [name for name in sys.modules if name.startswith("authlib.integrations")]
