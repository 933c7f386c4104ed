"""The extensions in examples/ do what they say, loaded as a config loads them."""

import dataclasses
import json
import sys
from pathlib import Path

import pytest

from addons.config.load import Loaded, parse
from credentials.model import Credential, Secret
from credentials.offers import provider_of
from providers import catalog
from translators import exchange, registry, routes
from translators.dialect import Aim, Asked
from translators.losses import Ledger
from translators.registry import DIALECTS

ROOT = Path(__file__).resolve().parent.parent
PIXEL = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}


@pytest.fixture(autouse=True)
def _nothing_stays():
    """What an extension adds is gone after the test, and its file runs again in the next."""
    tables = (registry.DIALECTS, registry.BETWEEN, routes._FIXED, sys.modules)
    before = [set(table) for table in tables]
    yield
    for table, names in zip(tables, before, strict=True):
        for name in set(table) - names:
            if table is not sys.modules or name.startswith("cliproxy_extension"):
                del table[name]


def load(*names: str, more: str = "") -> Loaded:
    files = ", ".join(str(ROOT / "examples" / name) for name in names)
    return parse(f"extensions: [{files}]\n{more}", "config.yaml")


def test_a_variant_serves_an_upstream():
    """`dialect:` sends a server's requests through the example's writer, to its path below the base URL."""
    host = "openai-compatibility:\n  - {name: my-server, base-url: 'http://127.0.0.1:9/v1', dialect: vllm-chat}\n"
    loaded = load("dialect_variant.py", more=host)
    assert loaded.problems == ()
    entry = Credential(
        "i", "my-server", "my-server:1", Secret(""), base_url="http://127.0.0.1:9/v1", dialect="vllm-chat"
    )
    provider = provider_of(entry, catalog.load())
    assert (provider.dialect, provider.paths["generate"]) == ("vllm-chat", "/chat/completions")
    body = {"model": "m", "max_tokens": 9000, "messages": [{"role": "user", "content": "hi"}]}
    body["thinking"] = {"type": "enabled", "budget_tokens": 2000}
    raw, ledger = json.dumps(body).encode(), Ledger()
    request = DIALECTS["claude"].read_request(raw, "", None, ledger)
    aim = Aim("qwen", "my-server", "my-server", stream=False)
    sent = exchange.write(request, raw, DIALECTS["claude"], DIALECTS["vllm-chat"], aim, ledger)
    said = json.loads(sent.body)
    assert said["chat_template_kwargs"] == {"enable_thinking": True}
    assert "reasoning_effort" not in said
    assert [one.rule for one in ledger.applied if one.to.startswith("$.chat_template")] == ["template-thinking"]


def test_a_pair_is_overridden():
    """Old images stay at home and are listed; thinking is not shown; other pairs are as they were."""
    assert load("override_pair.py").problems == ()
    turns = [{"role": "user", "content": [PIXEL]}, {"role": "assistant", "content": "I see."}] * 4
    body = {"model": "m", "max_tokens": 9, "messages": [*turns, {"role": "user", "content": "And?"}]}
    raw = json.dumps(body).encode()
    sent = {}
    for upstream in ("openai-chat", "openai-responses"):
        ledger = Ledger()
        request = DIALECTS["claude"].read_request(raw, "", None, ledger)
        aim = Aim("m", upstream, "openai", stream=False)
        out = exchange.write(request, raw, DIALECTS["claude"], DIALECTS[upstream], aim, ledger)
        sent[upstream] = (out.body.count(b"iVBORw0KGgo"), [loss.path for loss in ledger.losses if loss.semantic])
    assert sent == {"openai-chat": (3, ["$.messages[0].content[0]"]), "openai-responses": (4, [])}
    answer = {"role": "assistant", "reasoning_content": "hm", "content": "A cat."}
    reply = {"id": "c", "model": "m", "choices": [{"index": 0, "message": answer, "finish_reason": "stop"}]}
    pump = exchange.pump(
        DIALECTS["claude"], DIALECTS["openai-chat"], Asked("m", False, 1, "5eed", request), {}, streamed=False
    )
    said = pump.feed(json.dumps(reply).encode()) + pump.finish()
    assert [block["type"] for block in json.loads(said)["content"]] == ["text"]


def test_clients_of_a_dialect_have_a_path():
    """A registered client path is served; a taken one, or a taken name, is an error."""
    mine = dataclasses.replace(DIALECTS["claude"], name="mine")
    registry.register(mine, client_path="/my/chat")
    assert routes.recognise("POST", "/my/chat", {}, {}) == routes.Call("mine", "generate")
    with pytest.raises(ValueError, match="taken"):
        registry.register(dataclasses.replace(mine, name="other"), client_path="/v1/messages")
    with pytest.raises(ValueError, match="already"):
        registry.register(dataclasses.replace(mine))
    with pytest.raises(ValueError, match="no dialect 'moon'"):
        registry.between("moon", "mine", registry.Between())


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("extensions: [nowhere.py]", "there is no file"),
        ("extensions: [FILE]", "broken.py fails: ZeroDivisionError"),
        ("openai-compatibility: [{name: x, base-url: 'http://h/v1', dialect: moon}]", "no dialect 'moon'"),
    ],
)
def test_a_mistake_is_named(config, said, tmp_path):
    """File, line and key of what is wrong; the config is not used."""
    (tmp_path / "broken.py").write_text("1 / 0\n")
    loaded = parse(config.replace("FILE", "broken.py"), str(tmp_path / "config.yaml"))
    assert loaded.config is None
    assert any(said in str(problem) and ":1:" in str(problem) for problem in loaded.problems), loaded.problems
