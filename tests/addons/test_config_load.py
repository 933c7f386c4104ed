"""A config file is read whole or not at all, and what is wrong with it is said with its line."""

import ast
import re
from pathlib import Path

import pytest

from addons.config.keys import CONFIG
from addons.config.listen import is_loopback, leads_back, refusal
from addons.config.load import Loaded, find, load, parse
from addons.config.model import Alias, Config, ErrorRule, ModelLine, PathValue, Thinking
from credentials.model import Secret


def read(text: str) -> Config:
    """The config of a text without any problem."""
    loaded = parse(text, "c.yaml")
    assert loaded.problems == ()
    assert loaded.config is not None
    return loaded.config


def said(loaded: Loaded) -> list[str]:
    return [str(problem) for problem in loaded.problems]


def message_of(value: str) -> str:
    """The id of a case: its message without the place."""
    return value.rpartition("error: ")[2].rpartition("warning: ")[2] if value.startswith("c:") else ""


# ------------------------------------------------------------------ what is read


@pytest.mark.parametrize("text", ["", "# only words\n", "null", "---\n", "{}"])
def test_nothing_means_the_defaults(text):
    assert read(text) == Config()


def test_the_defaults_that_differ_by_choice():
    config = read("host: ''\nauth-dir: ''\n")
    assert (config.host, config.port, config.streaming.keepalive_seconds) == ("127.0.0.1", 8317, 15)
    assert (config.request_retry, config.max_retry_interval) == (3, 30)
    assert config.auth_path(Path("/h")) == Path("/h/.cli-proxy-api")


SAMPLE = """
port: 8400
auth-dir: "~/creds"
api-keys: ["laptop-1", " ci-2 ", "laptop-1", "", 12345]
remote-management: {allow-remote: false, secret-key: "plain"}
request-retry: 2
max-retry-interval: 20
routing: {strategy: ff, session-affinity: yes, session-affinity-ttl: 1h30m}
streaming: {keepalive-seconds: -1, bootstrap-retries: 2}
error-logs-max-files: -2
logs-max-total-size-mb: -2
disable-image-generation: chat
gemini-api-key:
  - api-key: "AIza-one"
    priority: -5
    weight: 0
    prefix: /team/
    request-retry: -1
    disable-cooling: false
    proxy-url: none
    headers: {X-Team: blue, X-Trace: $X-Trace, X-Empty: "", X-Null: ~}
    models: [{name: gemini-2.5-flash, alias: quick, thinking: {levels: [Low, high]}}]
    excluded-models: [" *-Preview ", "*-preview"]
    request-scoped-errors: [{status: 400, match: [too long], match-regexr: ['a$'], action: Stop}]
openai-compatibility:
  - name: lab
    base-url: "https://llm.lab.test/v1/"
    api-key-entries: [{api-key: "k-1"}, {api-key: "k-2", proxy-url: "socks5://10.0.0.9:1080"}]
    models: [{name: "org/a", alias: big}, {name: "org/b", alias: big}]
oauth-model-alias:
  Claude: [{name: claude-opus-4-6, alias: opus, fork: true}, {name: same, alias: Same}]
oauth-excluded-models:
  codex: ["*-mini"]
ampcode: {model-mappings: [{from: a, to: b}]}
demo: false
strict: true
engine: {idle-timeout-seconds: 12.5}
"""


def test_a_config_of_cliproxyapi_is_read():
    config = read(SAMPLE)
    assert config.api_keys == (Secret("laptop-1"), Secret("ci-2"), Secret("12345"))
    assert (config.request_retry, config.max_retry_interval) == (2, 20)
    assert (config.routing.strategy, config.routing.session_affinity) == ("fill-first", True)
    assert config.routing.session_affinity_ttl == 5400
    assert (config.streaming.keepalive_seconds, config.streaming.bootstrap_retries) == (0, 2)
    assert (config.error_logs_max_files, config.logs_max_total_size_mb) == (10, 0)
    assert config.disable_image_generation == "chat"
    assert config.oauth_model_alias == {"claude": (Alias("claude-opus-4-6", "opus", fork=True),)}
    assert config.oauth_excluded_models == {"codex": ("*-mini",)}
    assert config.ampcode.model_mappings[0].from_ == "a"
    assert (config.demo, config.strict, config.engine.idle_timeout_seconds) == (False, True, 12.5)
    assert config.auth_path(Path("/home/me")) == Path("/home/me/creds")


def test_an_entry_is_cleaned_as_cliproxyapi_does():
    key = read(SAMPLE).gemini_api_key[0]
    assert (key.priority, key.weight, key.prefix, key.proxy_url) == (-5, 0, "team", "direct")
    assert (key.request_retry, key.disable_cooling) == (None, False)
    assert key.headers == {"X-Team": "blue", "X-Trace": "$X-Trace"}
    assert key.models == (ModelLine("gemini-2.5-flash", "quick", thinking=Thinking(("low", "high"))),)
    assert key.excluded_models == ("*-preview",)
    assert key.request_scoped_errors == (ErrorRule(400, ("too long",), ("a$",), "stop"),)


def test_payload_values_become_json_that_keeps_its_digits():
    payload = read("""
payload:
  default:
    - models: [{name: "gemini-*", protocol: Gemini}]
      params: {a.b: 0.30, c: [yes, null, 0x10, 2026-01-01, {d: "1"}]}
  override-raw:
    - models: [{name: "*", match: [{m: 1}, {n: x}], not-exist: [q]}]
      params: {t: '{"v": 1}', u: [1, 2], v: null}
  filter:
    - models: [{name: x}]
      params: [metadata.user_id]
""").payload
    assert payload.default[0].models[0].protocol == "gemini"
    assert payload.default[0].params == (
        PathValue("a.b", b"0.30"),
        PathValue("c", b'[true,null,16,"2026-01-01",{"d":"1"}]'),
    )
    rule = payload.override_raw[0]
    assert rule.params == (PathValue("t", b'{"v": 1}'), PathValue("u", b"[1,2]"))
    assert rule.models[0].match == (PathValue("m", b"1"), PathValue("n", b'"x"'))
    assert rule.models[0].not_exist == ("q",)
    assert payload.filter[0].params == (PathValue("metadata.user_id"),)


def test_anchors_and_merges_are_resolved():
    config = read("""
claude-api-key:
  - &first {api-key: a, priority: 3, prefix: one}
  - {<<: *first, api-key: b}
""")
    assert [(key.api_key.reveal(), key.priority) for key in config.claude_api_key] == [("a", 3), ("b", 3)]


# ------------------------------------------------------------------ what is wrong

ERRORS = [
    ("a:\n\tb: 1\n", "c:2:1: error: a tab stands here"),
    ('host: "C:\\Users"\n', "c:1:12: error: a \\ in double quotes is an escape; use single quotes"),
    ("port 8317\nhost: x\n", "c:2:5: error: a second “: ” in this line"),
    ("hello\n", "c:1:1: error: should be a mapping"),
    ("api-keys: [a\n", "c:2:1: error: a [ or { is never closed"),
    ("api-keys:\n  - *sk-secret\n", "c:2:5: error: a value that begins with * needs quotes"),
    ("debug: true\n---\ndebug: false\n", "c:2:1: error: a second document begins"),
    ("host: 'x\n", "c:2:1: error: a quote is opened and never closed"),
    ("host: \x01", "c:1:1: error: holds a control character"),
    ("[" * 700, "c: error: is nested too deeply"),
    ("port: 1\nhost: localhost\nport: 2\n", "c:3:1: error: port: stands twice, first in line 1: keep one"),
    ("port: 'x'", "c:1:7: error: port: should be a whole number: take the quotes away"),
    ("port: 70000", "c:1:7: error: port: should be 1 to 65535"),
    ("port: 010", "c:1:7: error: port: should be a whole number in plain digits"),
    ("debug: 'true'", "c:1:8: error: debug: should be true or false: take the quotes away"),
    ("auth-dir: [a]", "c:1:11: error: auth-dir: should be a text, not a list"),
    ("api-keys: sk-hidden-1", "c:1:11: error: api-keys: should be a list"),
    ("routing: fill-first", "c:1:10: error: routing: should be a mapping"),
    (
        "routing:\n  strategy: fill_first",
        "c:2:13: error: routing.strategy: should be round-robin, weighted-",
    ),
    (
        "routing: {session-affinity-ttl: 90}",
        "c:1:33: error: routing.session-affinity-ttl: should be a duration",
    ),
    ("engine: {idle-timeout-seconds: -1}", "c:1:32: error: engine.idle-timeout-seconds: should be a number of seconds"),
    ("proxy-url: foo", "c:1:12: error: proxy-url: should be http://, https:// or socks5://"),
    ("? [a]\n: 3", "c:1:3: error: a key should be a plain word"),
    ("routing: &a {<<: *a}", "c:1:10: error: routing: should not merge itself"),
    ("routing: {<<: 3}", "c:1:10: error: routing: << should name a mapping"),
    ("tls: {enable: true, cert: x}", "c:1:1: error: tls: is enabled, and key is missing"),
    ("claude-api-key: [{weight: 3}]", "c:1:18: error: claude-api-key[0]: api-key is missing"),
    (
        "claude-api-key: [{api-key: x, weight: 1.5}]",
        "c:1:39: error: claude-api-key[0].weight: should be a",
    ),
    ("codex-api-key: [{api-key: x}]", "c:1:17: error: codex-api-key[0]: base-url is missing"),
    (
        "openai-compatibility:\n - name: a\n   base-url: api.a.com/v1",
        "c:3:14: error: openai-compatibility[0].base-url: should be an http:// or https:// address",
    ),
    (
        "openai-compatibility:\n - name: a\n   base-url: http://localhost:8317/v1",
        "c:3:4: error: openai-compatibility[0].base-url: leads back to this proxy itself",
    ),
    (
        "claude-api-key: [{api-key: x, request-scoped-errors: [{status: 4, match-regexr: ['('], action: stop}]}]",
        "c:1:64: error: claude-api-key[0].request-scoped-errors[0].status: should be 100 to 599",
    ),
    (
        "payload: {override: [{models: [{name: x}], params: &p {a: *p}}]}",
        "c:1:52: error: payload.override[0].params.a: should not contain itself",
    ),
    ("host: 0.0.0.0", "c:1:1: error: host: 0.0.0.0 can be reached from other machines, and api-keys is empty"),
    ("host: '::'\napi-keys: [your-api-key-1]", "c:1:1: error: host: :: can be reached from other machines, and only"),
]


@pytest.mark.parametrize(("text", "message"), ERRORS, ids=message_of)
def test_an_error_names_its_line_and_what_would_be_right(text, message):
    loaded = parse(text, "c")
    assert loaded.config is None
    assert any(line.startswith(message) for line in said(loaded)), said(loaded)


WARNINGS = [
    ("prot: 3", "c:1:1: warning: prot: is not a known key and has no effect; did you mean port?"),
    ("api_keys: []", "c:1:1: warning: api_keys: is not a known key and has no effect; did you mean api-keys?"),
    (
        "keepalive-seconds: 3",
        "c:1:1: warning: keepalive-seconds: is not a known key and has no effect; it belongs",
    ),
    ("sk-abcdef: 3", "c:1:1: warning: …: is not a known key and has no effect"),
    ("api-keys: [your-api-key-2]", "c:1:12: warning: api-keys[0]: is a key of the example file"),
    ("api-keys: ['', change-me]", "c:1:16: warning: api-keys[1]: is a key of the example file"),
    ("plugins: {enabled: true}", "c:1:1: warning: plugins: read and ignored: there is no such part here"),
    ("claude-api-key: [{api-key: ''}]", "c:1:19: warning: claude-api-key[0].api-key: is empty: the entry is left out"),
    (
        "claude-api-key: [{api-key: $KEY}]",
        "c:1:28: warning: claude-api-key[0].api-key: looks like the name",
    ),
    ("claude-api-key: [{api-key: k, prefix: a/b}]", "c:1:39: warning: claude-api-key[0].prefix: left out"),
    (
        "claude-api-key: [{api-key: k, base-url: 'https://a.test/v1'}]",
        "c:1:31: warning: claude-api-key[0].base-url: ends in /v1, and /v1/messages is added to it",
    ),
    (
        "codex-api-key: [{api-key: k, base-url: 'https://a.test'}]",
        "c:1:30: warning: codex-api-key[0].base-url: has no path; OpenAI's is https://api.openai.com/v1",
    ),
    (
        "openai-compatibility: [{name: a, base-url: 'https://a.test'}]",
        "c:1:34: warning: openai-compatibility[0].base-url: has no path; most servers want /v1 at its end",
    ),
    (
        "openai-compatibility: [{name: a, base-url: 'https://a.test/v1/chat/completions'}]",
        "c:1:34: warning: openai-compatibility[0].base-url: ends in /chat/completions, which is added to it",
    ),
    (
        "gemini-api-key: [{api-key: k}, {api-key: k}]",
        "c:1:33: warning: gemini-api-key[1].api-key: is the same key as gemini-api-key[0].api-key",
    ),
    (
        "gemini-api-key: [{api-key: k, models: [{name: A}, {name: b, alias: a}]}]",
        "c:1:31: warning: gemini-api-key[0].models: a stands twice: the first counts",
    ),
    (
        "oauth-model-alias: {codex: [{name: a, alias: x}, {name: b, alias: X}]}",
        "c:1:21: warning: oauth-model-alias.codex: the alias X stands twice: the first counts",
    ),
    (
        "payload: {default-raw: [{models: [{name: a}], params: {x: '{bad'}}]}",
        "c:1:59: warning: payload.default-raw[0].params.x: should be JSON, written as a text: the rule is left out",
    ),
    (
        "remote-management: {allow-remote: true}",
        "c:1:21: warning: remote-management.allow-remote: has no effect",
    ),
]


@pytest.mark.parametrize(
    ("text", "message"), WARNINGS, ids=[message.partition("warning: ")[2] for _, message in WARNINGS]
)
def test_a_warning_does_not_keep_the_file_from_being_used(text, message):
    loaded = parse(text, "c")
    assert loaded.config is not None
    assert [line for line in said(loaded) if line.startswith(message)], said(loaded)
    assert len(loaded.warnings) == 1
    assert loaded.errors == ()


def test_a_problem_points_at_the_line_of_the_file_though_entries_before_it_were_left_out():
    loaded = parse("claude-api-key:\n- {api-key: ''}\n- {api-key: k}\n- {api-key: k}\n", "c")
    assert [(problem.line, problem.key) for problem in loaded.warnings] == [
        (2, "claude-api-key[0].api-key"),
        (4, "claude-api-key[2].api-key"),
    ]


def test_a_double_counts_once_where_it_does_for_cliproxyapi():
    loaded = parse(
        """
gemini-api-key: [{api-key: k, priority: 1}, {api-key: k, base-url: "https://a.test"}]
vertex-api-key: [{api-key: k}, {api-key: k}, {api-key: k, base-url: "https://a.test"}]
claude-api-key: [{api-key: k}, {api-key: k}]
""",
        "c",
    )
    assert loaded.config is not None
    assert [key.priority for key in loaded.config.gemini_api_key] == [1]
    assert [key.base_url for key in loaded.config.vertex_api_key] == ["", "https://a.test"]
    assert len(loaded.config.claude_api_key) == 2


def test_all_problems_are_told_at_once_in_the_order_of_the_file():
    loaded = parse("debug: 3\nprot: 1\nport: x\nrouting: []\n", "c")
    assert [problem.line for problem in loaded.problems] == [1, 2, 3, 4]


def test_disguises_are_ignored_with_one_warning():
    loaded = parse(
        """
disable-claude-cloak-mode: false
claude-header-defaults: {user-agent: x}
claude-code: {disable-cloaking-model-list: true}
codex: {identity-confuse: true, model-level-cooling: true}
antigravity: {sensitive-words: [a]}
pprof: {enable: false, addr: "127.0.0.1:8316"}
commercial-mode: false
claude-api-key:
  - {api-key: a, cloak: {mode: always}, fingerprint-profile: x}
  - {api-key: b, cloak: {mode: never}}
""",
        "c",
    )
    assert loaded.config is not None
    assert loaded.config.codex.model_level_cooling
    (warning,) = loaded.warnings
    for name in ("claude-api-key.cloak", "codex.identity-confuse", "claude-header-defaults", "sensitive-words"):
        assert name in warning.key
    assert warning.key.count("claude-api-key.cloak") == 1
    assert "never poses as another client" in warning.message


def test_no_message_holds_a_secret():
    secret = "sk-planted-0123456789"
    texts = [re.sub(r"\bx\b", secret, text) for text, _ in ERRORS + WARNINGS]
    texts += [f"{secret}: 1", f"api-keys: {{{secret}: {secret}}}", f"api-keys: *{secret}", f"port: {secret}"]
    texts += [f"routing: {{strategy: {secret}}}", f"api-keys: [{secret}\n", f"proxy-url: 'http://a:{secret}@'"]
    for text in texts:
        for line in said(parse(text, "c")):
            assert secret not in line


def test_bytes_are_utf_8_with_or_without_a_mark():
    assert parse(b"\xef\xbb\xbfport: 4\n", "c").config == Config(port=4)
    (problem,) = parse(b"port: 4\nhost: \xff\n", "c").problems
    assert (problem.line, problem.message) == (2, "is not UTF-8 here: save the file as UTF-8")


# ------------------------------------------------------------------ where it is


def test_the_first_place_with_a_file_wins(tmp_path):
    home, here = tmp_path / "home", tmp_path / "here"
    usual, local = home / ".cli-proxy-api" / "config.yaml", here / "config.yaml"
    here.mkdir()
    usual.parent.mkdir(parents=True)
    assert find("", {}, here, home) is None
    usual.write_text("")
    assert find("", {}, here, home) == usual
    local.write_text("")
    assert find("", {}, here, home) == local
    assert find("", {"CLIPROXY_CONFIG": "~/a.yaml"}, here, home) == home / "a.yaml"
    assert find("b.yaml", {"CLIPROXY_CONFIG": "~/a.yaml"}, here, home) == here / "b.yaml"


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    (missing,) = load(tmp_path / "none.yaml").errors
    assert "there is no such file" in missing.message
    (directory,) = load(tmp_path).errors
    assert "is a directory" in directory.message
    path = tmp_path / "config.yaml"
    path.write_text("port: 99999\n")
    assert load(path).problems[0].file == str(path)
    path.write_text("port: 99\n")
    assert load(path).config == Config(port=99)


# ------------------------------------------------------------------ who can reach it


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1", "[::1]", "::ffff:127.0.0.1"])
def test_loopback_needs_no_key(host):
    assert is_loopback(host)
    assert refusal(host, ()) == ""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "my-host", "127.0.0.1.evil.test", ""])
def test_any_other_address_needs_a_key_of_ones_own(host):
    assert not is_loopback(host)
    assert refusal(host, ())
    assert refusal(host, (Secret("your-api-key-1"),))
    assert refusal(host, (Secret("a-key-of-my-own"),)) == ""


def test_which_addresses_lead_back():
    assert leads_back("http://localhost:8317/v1", "127.0.0.1", 8317)
    assert leads_back("http://[::1]:8317", "0.0.0.0", 8317)
    assert leads_back("https://proxy.test", "proxy.test", 443)
    assert not leads_back("http://localhost:8318", "127.0.0.1", 8317)
    assert not leads_back("http://localhost:8317", "192.168.1.4", 8317)
    assert not leads_back("http://localhost:x", "127.0.0.1", 8317)


def test_the_config_knows_nothing_of_its_host_program():
    """Scripts use it without mitmproxy."""
    for path in Path(find.__code__.co_filename).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.startswith("mitmproxy")], path


def test_every_field_of_the_config_has_a_key():
    fields = {name.replace("_", "-") for name in Config.__dataclass_fields__}
    assert fields <= set(CONFIG.keys)
