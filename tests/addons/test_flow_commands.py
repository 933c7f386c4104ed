"""What a person does with a flow: translate it again, export it, make a case or a page of it, send it again."""

import subprocess
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import msgspec
import pytest
from mitmproxy.exceptions import CommandError
from mitmproxy.http import HTTPFlow
from mitmproxy.io import read_flows_from_paths
from mitmproxy.test import tflow

from addons.authorize import Authorize
from addons.commands.flows import FlowCommands
from addons.commands.resend import Resend, with_model
from addons.inspection import casemaking, exports, pages, retranslate
from addons.inspection.hiding import Hider
from addons.inspection.recorded import Recorded, recorded
from addons.passes import MOST, Again, Passes
from addons.show import Show
from providers.payload import read_rules
from tests import casefile, crossing
from tests.addons.recordings import ASK, CHAT, RESPONSES, recording
from tests.addons.scene import LAB, scene
from tests.proxy import proxy

RULED = LAB + "\npayload: {override: [{models: [{name: x}], params: {temperature: 1}}]}"
GEMINI = {"contents": [{"parts": [{"text": "Hi"}]}]}


def read(flow: HTTPFlow) -> Recorded:
    found = recorded(flow)
    assert found is not None
    return found


def fates(flow: HTTPFlow, **named: Any) -> dict[str, str]:
    return {side.name: side.fate for side in retranslate.retranslate(read(flow), **named)}


SAME = {"request": "same", "ledger": "same", "answer": "same"}

# --- translating again ----------------------------------------------------------------------------------------------

SITUATIONS: dict[str, dict[str, Any]] = {
    "stream": {},
    "whole": {"body": ASK | {"stream": False}},
    "array": {"body": GEMINI, "path": "/v1beta/models/x:streamGenerateContent"},
    "gemini": {"body": GEMINI, "path": "/v1beta/models/x:streamGenerateContent?alt=sse"},
    "responses": {"body": {"model": "x", "stream": True, "input": "Hi"}, "path": "/v1/responses"},
    "passed": {
        "body": {"model": "x", "stream": True, "messages": [{"role": "user", "content": "Hi"}]},
        "path": "/v1/chat/completions",
    },
    "cut": {"reply": CHAT[:400]},
    "refused": {"reply": b'{"error":{"message":"no"}}', "status": 429, "kind": "application/json"},
    "thinking": {"body": ASK | {"model": "x(high)"}, "model": "x(high)"},
    "steps": {
        "reply": RESPONSES,
        "config": "codex-api-key: [{api-key: k, base-url: 'http://c.test'}]",
        "model": "gpt-5",
    }
    | {"body": ASK | {"model": "gpt-5"}},
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_same_code_makes_the_same(situation: str) -> None:
    assert fates(recording(**SITUATIONS[situation])) == SAME


def test_what_differs_is_told_by_its_path() -> None:
    flow = recording()
    kept = flow.metadata["cliproxy"]
    attempt = kept["attempts"][0]
    attempt["request_body"] = attempt["request_body"].replace(b'"Hi"', b'"Ho"')
    kept["emitted"] = kept["emitted"].replace(b'"Hel"', b'"Hell"')
    kept["losses"] = []
    told = "\n".join(retranslate.told(retranslate.retranslate(read(flow))))
    assert fates(flow) == {"request": "differs", "ledger": "differs", "answer": "differs"}
    assert '~ $.messages[0].content  "Ho" → "Hi"' in told
    assert '.delta.text  "Hell" → "Hel"' in told
    assert "+ $.top_k" in told


def test_pings_and_a_client_that_left_are_no_difference() -> None:
    flow = recording()
    kept = flow.metadata["cliproxy"]
    kept["emitted"] = b'event: ping\ndata: {"type":"ping"}\n\n: hm\n\n' + kept["emitted"]
    assert fates(flow) == SAME
    kept["emitted"] = kept["emitted"][: kept["emitted"].index(b"event: content_block_stop")]
    assert fates(flow)["answer"] == "differs"
    flow.error = tflow.terr("the client left")
    assert fates(flow) == SAME


def test_what_a_recording_does_not_hold_is_not_guessed() -> None:
    flow = recording(config=RULED)
    (side,) = retranslate.retranslate(read(flow))
    assert (side.fate, "payload rules" in side.why) == ("unknown", True)
    with scene(RULED) as here:
        assert fates(flow, rules=here.settings.runtime.rules) == SAME
    assert fates(flow, rules=read_rules(here.settings.runtime.config.payload)) == SAME

    with scene(LAB) as here:
        exchange = here.open("/v1/messages", ASK)
        assert Authorize(here.exchanges, here.memory).choose(exchange)
        Show(here.exchanges, here.settings).load(None)  # type: ignore[arg-type]  # it adds no options
        (side,) = retranslate.retranslate(read(exchange.flow))
        assert (side.fate, side.why) == ("unknown", "it is still under way")

    flow = recording()
    flow.metadata["cliproxy"]["rules"].append(["$.messages[0]", "remembered", ""])
    assert fates(flow) == {"request": "unknown"}
    flow = recording()
    flow.metadata["cliproxy"]["attempts"][0]["raw"] += b"\n\n[\xe2\x80\xa6 9 bytes not kept \xe2\x80\xa6]\n\n"
    assert fates(flow) == SAME | {"answer": "unknown"}
    del flow.metadata["cliproxy"]["attempts"][0]["making"]
    assert fates(flow) == {"request": "unknown"}
    flow.request.content = b"\x00"
    assert fates(flow) == {"request": "unknown"}
    flow = recording()
    flow.request.content = Hider(b"salt").body(flow.request.content or b"")
    (side,) = retranslate.retranslate(read(flow))
    assert "redact: content" in side.why
    flow.metadata["cliproxy"]["attempts"] = []
    assert fates(flow) == {"request": "unknown"}


# --- exports --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def listener() -> Iterator[tuple[str, list[tuple[str, dict[str, str], Any]]]]:
    """A server that notes what it is sent, and answers nothing that an SDK could take for success."""
    asked: list[tuple[str, dict[str, str], Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, json_of(body)))
            self.send_response(400)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def json_of(body: bytes) -> Any:
    return msgspec.json.decode(body)


TRICKY = 'it\'s `$HOME` {{key}} "x"\n\\ BODY\n=== é {{{'
EXPORTED: dict[str, dict[str, Any]] = {
    "claude": {"body": ASK | {"system": TRICKY, "unknown": [1.50, None, True]}},
    "openai-chat": {
        "body": {"model": "x", "stream": True, "messages": [{"role": "user", "content": TRICKY}], "odd": {"a": []}},
        "path": "/v1/chat/completions",
    },
    "openai-responses": {"body": {"model": "x", "stream": True, "input": TRICKY, "odd": 1}, "path": "/v1/responses"},
    "gemini": {
        "body": {"contents": [{"parts": [{"text": TRICKY}]}], "generationConfig": {"odd": 1}},
        "path": "/v1beta/models/x:streamGenerateContent?alt=sse",
    },
}


@pytest.mark.parametrize("client", EXPORTED)
def test_an_exported_call_sends_the_same_body(client: str, listener: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the SDK does to it. (In this process: to start another one for each takes seconds.)"""
    base, asked = listener
    found = read(recording(**EXPORTED[client], headers={"anthropic-beta": "b-1"}))
    code = exports.export(found, "python", base)
    asked.clear()
    monkeypatch.setenv("CLIPROXY_CLIENT_KEY", "mine")
    with pytest.raises(Exception, match=r"400|code|Bad"):  # each SDK has an error of its own
        exec(code, {})
    path, headers, body = asked[0]
    assert path == exports.path_of(found)
    assert body == json_of(found.body)
    assert "mine" in headers.get("authorization", "") + headers.get("x-api-key", "") + headers.get("x-goog-api-key", "")
    assert headers.get("anthropic-beta") == (None if client == "gemini" else "b-1")


@pytest.mark.parametrize("client", EXPORTED)
def test_an_exported_curl_sends_the_same_body(client: str, listener: Any, tmp_path: Path) -> None:
    base, asked = listener
    found = read(recording(**EXPORTED[client]))
    script = exports.export(found, "curl", base)
    asked.clear()
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "CLIPROXY_CLIENT_KEY": "mine"}
    subprocess.run(["sh", "-c", script], env=environment, check=True, capture_output=True)
    path, headers, body = asked[0]
    assert (path, body) == (exports.path_of(found), json_of(found.body))
    assert headers["content-type"] == "application/json"
    assert "mine" in str(headers)


def test_an_http_file_holds_no_variable_but_the_key() -> None:
    found = read(recording(**EXPORTED["claude"]))
    text = exports.export(found, "http", "http://127.0.0.1:8317")
    head, _, body = text.partition("\n{\n")
    assert "POST http://127.0.0.1:8317/v1/messages\n" in head
    assert "x-api-key: {{CLIPROXY_CLIENT_KEY}}" in head
    assert "{{" not in body
    assert json_of(("{" + body).encode()) == json_of(found.body)


def test_what_names_the_program_or_its_key_is_not_exported() -> None:
    headers = {"user-agent": "somebody/1", "x-api-key": "client-secret", "x-stainless-os": "Linux", "cookie": "c=1"}
    found = read(recording(headers=headers, path="/v1/messages?beta=true&key=abc"))
    for form in exports.FORMS:
        text = exports.export(found, form, "http://127.0.0.1:1")
        assert not [word for word in ("somebody", "client-secret", "Linux", "c=1", "abc", "masked") if word in text]
        assert form == "python" or "/v1/messages?beta=true" in text


def test_what_cannot_be_exported_says_why() -> None:
    flow = recording()
    for form, why in (("java", "no format"), ("curl", "not JSON")):
        flow.request.content = b"\xff"
        with pytest.raises(exports.NoExport, match=why):
            exports.export(read(flow), form, "http://127.0.0.1:1")


# --- cases and pages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("situation", [name for name in SITUATIONS if name != "thinking"])
def test_a_case_runs_to_what_the_client_got(situation: str, tmp_path: Path) -> None:
    flow = recording(**SITUATIONS[situation])
    found = read(flow)
    path = tmp_path / casemaking.file_name(found, flow.id)
    path.write_text(casemaking.case(found, flow.comment, str), encoding="utf-8")
    case = casefile.load(path)
    got = crossing.run(case)
    assert json_of(case.sections["client request"].encode()) == json_of(found.body)
    if situation == "refused":
        assert got["client reply"].startswith("429")
    else:
        assert ("Hel" in got["client reply"]) == (b"Hel" in found.emitted)
    casefile.accept(case, got)
    assert casefile.load(path).sections["client reply"] == got["client reply"]


@pytest.mark.parametrize(
    "reply",
    [CHAT.replace(b"\n", b"\r\n"), CHAT.replace(b"Hel", b"\\\\ \xff"), CHAT[:-2], b"=== x\n\n" + CHAT, b"\r"],
)
def test_the_bytes_of_a_reply_survive_in_a_case(reply: bytes, tmp_path: Path) -> None:
    flow = recording(reply=reply)
    path = tmp_path / "a.case"
    path.write_text(casemaking.case(read(flow), flow.comment, str), encoding="utf-8")
    case = casefile.load(path)
    text = case.sections["upstream reply"].encode()
    if case.settings.get("escapes") == "yes":
        text = crossing.codecs.escape_decode(text)[0]
    else:
        text += b"\n\n"  # as the runner does
    assert text == reply


def test_a_page_shows_what_was_said_and_runs_nothing_of_it() -> None:
    flow = recording(
        ASK | {"system": "<script>alert(1)</script>", "messages": [{"role": "user", "content": "```\nHi"}]}
    )
    made = pages.page(read(flow), flow.comment)
    text, web = pages.markdown(made), pages.as_html(made)
    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## system", "## 1 user", "## 2 answer"]
    assert "Hello <b>" in text
    assert "Hello &lt;b&gt;" in web
    assert "<script" not in web
    flow.request.content = b"\xff\xfe no json"
    assert pages.page(read(flow), "").notes


# --- the commands ---------------------------------------------------------------------------------------------------


@pytest.fixture
def commands() -> Iterator[FlowCommands]:
    with scene(LAB) as here:
        yield FlowCommands(here.settings, Resend(here.settings, Passes()))


def test_the_commands_write_what_they_say(commands: FlowCommands, tmp_path: Path) -> None:
    flow = recording(ASK | {"system": "my key is lab-secret-key"})
    assert list(commands.translate(recording())) == ["request  same", "ledger   same", "answer   same"]
    assert any('"contents"' in line for line in commands.translate(flow, "gemini"))
    commands.case([flow, recording()], str(tmp_path / "cases"))  # type: ignore[arg-type]  # mitmproxy's Path is a str
    commands.export(flow, "http", str(tmp_path / "a" / "x.http"))  # type: ignore[arg-type]
    commands.page(flow, str(tmp_path / "x.HTML"))  # type: ignore[arg-type]
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) == 4
    for path in written:
        assert path.stat().st_mode & 0o777 == 0o600
        assert "lab-secret-key" not in path.read_text()


def test_the_commands_say_why_not(commands: FlowCommands, tmp_path: Path) -> None:
    flow, refused = recording(), recording()
    refused.metadata["cliproxy"] = {"client": "claude", "operation": "generate", "refusal": "no"}
    path: Any = str(tmp_path / "x.case")
    for why, act in {
        "not a request to cliproxy": lambda: commands.translate(tflow.tflow()),
        "no dialect klingon": lambda: commands.translate(flow, "klingon"),
        "no request of it was translated": lambda: commands.case([refused], path),
        "one case": lambda: commands.case([flow, flow], path),
        "no flow was named": lambda: commands.case([], str(tmp_path)),  # type: ignore[arg-type]
        "no format": lambda: commands.export(flow, "java", path),
        "should end in": lambda: commands.page(flow, path),
        "no port is open": lambda: commands.resend(flow),
        "File exists": lambda: commands.case([flow], "/dev/null/x.case"),  # type: ignore[arg-type]
    }.items():
        with pytest.raises(CommandError, match=why):
            act()
    assert list(commands.translate(refused)) == ["request  unknown: nothing was sent: no"]


# --- sending again --------------------------------------------------------------------------------------------------


def test_a_pass_opens_once() -> None:
    passes = Passes()
    made = passes.issue(Again("id"))
    assert passes.redeem(["other", made]) == Again("id")
    assert passes.redeem([made]) is None
    first = passes.issue(Again("first"))
    for number in range(MOST):
        passes.issue(Again(str(number)))
    assert passes.redeem([first]) is None


def test_another_model_is_named_where_the_dialect_names_it() -> None:
    body = b'{"model": "x", "messages": []}'
    assert with_model(read(recording()), "/v1/messages", body, "y") == ("/v1/messages", body.replace(b"x", b"y"))
    found = read(recording(GEMINI, path="/v1beta/models/x:streamGenerateContent?alt=sse"))
    changed = with_model(found, exports.path_of(found), b"{}", "a/b c")
    assert changed == ("/v1beta/models/a%2Fb%20c:streamGenerateContent?alt=sse", b"{}")


AGAIN = """
import asyncio
from mitmproxy import ctx, http

class Again:
    def response(self, flow):
        if flow.request.method == "POST" and "cliproxy.again" not in flow.metadata:
            for model in flow.request.headers["x-again"].split(","):
                asyncio.get_running_loop().call_soon(ctx.master.commands.call, "cliproxy.resend", flow, model)

addons = [Again()]
"""


def test_sent_again_it_is_a_request_like_any_other(tmp_path: Path) -> None:
    """In a real mitmdump, whose door wants a key: new flows, another model, no key anywhere."""
    (tmp_path / "again.py").write_text(AGAIN)
    config = {"demo": True, "api-keys": ["a-client-key-of-mine"]}
    with proxy(config, tmp_path / "home", record=True, args=["-s", str(tmp_path / "again.py")]) as running:
        headers = {"x-api-key": "a-client-key-of-mine", "x-again": "demo-tools,demo-text"}
        asked = {"model": "demo-tools", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
        httpx.post(f"{running.url}/v1/messages", json=asked, headers=headers, timeout=20).raise_for_status()
        deadline = time.monotonic() + 20
        while len(ours(running.flows)) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
    first, *again = ours(running.flows)
    assert sorted(read(flow).model for flow in again) == ["demo-text", "demo-tools"]
    for flow in again:
        assert flow.response is not None
        assert flow.response.status_code == 200
        assert flow.metadata["cliproxy.again"]["of"] == first.id
        assert read(flow).caller == read(first).caller
        assert read(flow).failure is None
    assert b"again-" not in running.flows.read_bytes()
    assert "again-" not in running.log


def ours(path: Path) -> list[HTTPFlow]:
    """The finished requests of a file that somebody may be writing to."""
    try:
        flows = read_flows_from_paths([str(path)])
    except Exception:  # the last one is half written
        return []
    return [flow for flow in flows if isinstance(flow, HTTPFlow) and flow.request.method == "POST"]


def test_whoever_answered_comes_last() -> None:
    """A fresh credential where there is one, the same where there is none."""
    two = """
openai-compatibility:
  - name: lab
    base-url: http://lab.test/v1
    api-key-entries: [{api-key: one}, {api-key: two}]
    models: [{name: gpt-x, alias: x}]
"""
    for config, other in ((two, True), (LAB, False)):
        with scene(config) as here:
            here.guard.passes = passes = Passes()
            pool = here.settings.runtime.pool
            labels = [each.label for each in here.settings.runtime.credentials]
            for label in labels:
                made = passes.issue(Again("id", ((label, "gpt-x"),)))
                exchange = here.open("/v1/messages", ASK, {"x-api-key": made})
                assert Authorize(here.exchanges, here.memory).choose(exchange)
                assert (exchange.attempt.label != label) == other
                assert pool.credential(exchange.attempt.label) is not None
