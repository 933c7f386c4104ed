"""What the config and the environment offer as credentials."""

import hashlib

from addons.config.credentials import compatible_provider, credentials_of, from_environment, origins_of
from addons.config.load import parse
from addons.config.model import Config
from credentials.model import Credential, ModelEntry, Secret


def config_of(text: str) -> Config:
    config = parse(text, "c").config
    assert config is not None
    return config


def short(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


ALL = """
claude-api-key:
  - {api-key: sk-a, priority: 2, weight: 5, prefix: team, proxy-url: direct, request-retry: 1, disable-cooling: true,
     headers: {X-A: b}, models: [{name: m, alias: n}, {name: o, alias: o}], excluded-models: ["*-x"]}
  - {api-key: sk-a}
  - {api-key: sk-b}
codex-api-key: [{api-key: sk-c, base-url: "https://api.openai.com/v1"}]
gemini-api-key: [{api-key: g}]
vertex-api-key: [{api-key: v, base-url: "https://v.test", proxy-url: "http://p.test:1"}]
xai-api-key: [{api-key: x}]
interactions-api-key: [{api-key: i}]
openai-compatibility:
  - name: Lab
    base-url: https://lab.test/v1
    prefix: l
    weight: 7
    api-key-entries: [{api-key: k1, weight: 2}, {api-key: k2, proxy-url: "socks5://10.0.0.9:1080"}]
    models: [{name: a, alias: big}, {name: b, alias: big}]
  - {name: ollama, base-url: "http://localhost:11434/v1", disabled: true, weight: 7}
  - {name: Kimi, base-url: "https://kimi.test/v1", api-key-entries: [{api-key: k1}]}
"""


def test_each_entry_is_a_credential_with_a_readable_label():
    found = {credential.label: credential.provider for credential in credentials_of(config_of(ALL))}
    assert found == {
        "gemini:1": "gemini",
        "gemini-interactions:1": "gemini-interactions",
        "claude:1": "claude",
        "claude:2": "claude",
        "claude:3": "claude",
        "codex:1": "codex",
        "xai:1": "xai",
        "vertex:1": "vertex",
        "lab:1": "lab",
        "lab:2": "lab",
        "ollama:1": "ollama",
        "openai-compatible-kimi:1": "openai-compatible-kimi",
    }


def test_an_entry_goes_over_whole():
    claude = next(one for one in credentials_of(config_of(ALL)) if one.label == "claude:1")
    assert claude == Credential(
        id=f"claude:apikey:{short('claude:apikey', 'sk-a', '')}",
        provider="claude",
        label="claude:1",
        secret=Secret("sk-a"),
        proxy_url="direct",
        prefix="team",
        priority=2,
        weight=5,
        headers={"X-A": "b"},
        models=(ModelEntry("m", "n"), ModelEntry("o")),
        excluded=("*-x",),
        request_retry=1,
        disable_cooling=True,
        source="config:claude-api-key[0]",
    )


def test_ids_are_those_of_cliproxyapi():
    ids = {credential.label: credential.id for credential in credentials_of(config_of(ALL))}
    assert ids["claude:2"] == f"{ids['claude:1']}-1"
    assert ids["codex:1"] == f"codex:apikey:{short('codex:apikey', 'sk-c', 'https://api.openai.com/v1')}"
    assert ids["vertex:1"] == f"vertex:apikey:{short('vertex:apikey', 'v', 'https://v.test', 'http://p.test:1')}"
    kind = "openai-compatibility:lab"
    assert ids["lab:1"] == f"{kind}:{short(kind, 'k1', 'https://lab.test/v1', '')}"
    assert ids["lab:2"] == f"{kind}:{short(kind, 'k2', 'https://lab.test/v1', 'socks5://10.0.0.9:1080')}"
    kind = "openai-compatibility:ollama"
    assert ids["ollama:1"] == f"{kind}:{short(kind, 'http://localhost:11434/v1')}"
    assert len(set(ids.values())) == len(ids)


def test_an_entry_without_keys_is_one_credential_without_a_secret():
    ollama = next(one for one in credentials_of(config_of(ALL)) if one.provider == "ollama")
    assert (ollama.secret, ollama.disabled, ollama.weight) == (Secret(""), True, 7)


def test_keys_of_one_entry_share_its_models_and_keep_their_own_proxy_and_weight():
    one, two = [found for found in credentials_of(config_of(ALL)) if found.provider == "lab"]
    assert one.models == two.models == (ModelEntry("a", "big"), ModelEntry("b", "big"))
    assert (one.proxy_url, two.proxy_url) == ("", "socks5://10.0.0.9:1080")
    assert (one.weight, two.weight, two.prefix) == (2, 1, "l")


def test_an_id_stays_when_other_entries_come():
    before = credentials_of(config_of("claude-api-key: [{api-key: b}]"))
    after = credentials_of(config_of("claude-api-key: [{api-key: a}, {api-key: b}]"))
    assert before[0].id == after[1].id


def test_no_label_id_or_source_shows_a_key():
    text = ALL.replace("sk-a", "sk-planted-7777")
    for credential in credentials_of(config_of(text)):
        assert "7777" not in credential.id + credential.label + credential.source


def test_an_origin_leads_to_the_entry():
    origins = origins_of(config_of(ALL))
    assert {origin.entry.prefix for origin in origins if origin.credential.provider == "lab"} == {"l"}


def test_a_name_of_a_built_in_provider_is_set_apart():
    assert compatible_provider(" Lab ") == "lab"
    assert compatible_provider("Gemini") == "openai-compatible-gemini"


# ------------------------------------------------------------------ the environment


def test_the_keys_of_the_vendors_tools_are_used():
    found = from_environment({"ANTHROPIC_API_KEY": " a ", "OPENAI_API_KEY": "o", "GOOGLE_API_KEY": "g"})
    assert [(one.label, one.provider, one.base_url, one.kind) for one in found] == [
        ("claude:env", "claude", "", "api-key"),
        ("codex:env", "codex", "https://api.openai.com/v1", "api-key"),
        ("gemini:env", "gemini", "", "api-key"),
    ]
    assert found[0].secret == Secret("a")
    assert found[0].source == "environment:ANTHROPIC_API_KEY"


def test_one_gemini_key_is_enough():
    (found,) = from_environment({"GOOGLE_API_KEY": "maps", "GEMINI_API_KEY": "g"})
    assert found.secret == Secret("g")


def test_a_base_url_counts_unless_it_leads_back_or_nowhere():
    def base(url: str) -> str:
        (found,) = from_environment({"OPENAI_API_KEY": "o", "OPENAI_BASE_URL": url}, "127.0.0.1", 8317)
        return found.base_url

    assert base("https://gateway.test/v1/") == "https://gateway.test/v1"
    assert base("http://127.0.0.1:9000/v1") == "http://127.0.0.1:9000/v1"
    for useless in ("http://localhost:8317/v1", "http://[::1]:8317", "gateway", "http://[", ""):
        assert base(useless) == "https://api.openai.com/v1"


def test_an_empty_environment_offers_nothing():
    assert from_environment({"ANTHROPIC_API_KEY": " ", "OPENAI_BASE_URL": "https://a.test"}) == []
