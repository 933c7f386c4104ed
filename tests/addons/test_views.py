"""The views of real flows: translated, passed on, failed over, cut, refused, compressed, whole."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import contentviews, flowfilter
from mitmproxy.http import HTTPFlow
from mitmproxy.io import FlowReader, FlowWriter
from mitmproxy.test import taddons, tflow

from addons.inspection.plain import KEY
from addons.inspection.story import MARKERS
from addons.inspection.trimming import trimmed
from addons.record import tell
from addons.views import VIEWS
from tests.end_to_end.scenery import ask, provider, request
from tests.proxy import ROOT, free_port, proxy
from tests.upstreams import Answer, Call, FakeUpstream, Gate, Play, Usage
from translators.registry import DIALECTS

TOOL = Answer(
    "Let me look. ", "I need the weather.", (Call("get_weather", {"city": "Bern"}),), Usage(1234, 1000, 0, 567, 120)
)
PLAIN = Answer("All is well.", usage=Usage(10, 0, 0, 4, 0))
SCENES: dict[str, tuple[str, str, bool, list[Play]]] = {
    "failover": ("claude", "openai-chat", True, [Play(status=429, message="slow down"), Play(TOOL)]),
    "relayed": ("claude", "claude", True, [Play(TOOL)]),
    "cut": ("openai-chat", "claude", True, [Play(PLAIN, cut_at=4)]),
    "erred": ("claude", "openai-responses", True, [Play(PLAIN, error_at=6)]),
    "packed": ("gemini", "openai-chat", True, [Play(PLAIN, coding="gzip")]),
    "whole": ("openai-responses", "gemini", False, [Play(TOOL)]),
    "refused": ("gemini", "claude", False, [Play(status=400, message="that is not possible")]),
    "silent": ("claude", "openai-chat", True, []),
}
"""Name → the client's dialect, the upstream's, whether it is streamed, and what the upstream plays."""


@pytest.fixture(scope="module")
def flows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, HTTPFlow]]:
    """The recorded flow of each scene, of a wrong key, and of a client that left."""
    home = tmp_path_factory.mktemp("views")
    config: dict[str, Any] = {"request-retry": 0, "api-keys": ["right"]}
    with FakeUpstream() as upstream:
        gate = Gate()
        for name, (_, kind, _, plays) in SCENES.items():
            played = plays or [Play(PLAIN, hold_at=2, gate=gate)]
            for place, play in enumerate(played):
                key = f"sk-{name}-{place}"
                upstream.always(key, play)
                provider(config, kind, key, upstream.url, [(f"real-{name}", name)], priority=9 - place)
        upstream.always("sk-left-0", Play(PLAIN, hold_at=3))
        provider(config, "openai-chat", "sk-left-0", upstream.url, [("real-left", "left")])
        with proxy(config, home, record=True) as running, httpx.Client(base_url=running.url, timeout=20) as client:
            known = {"authorization": "Bearer right"}
            for name, (dialect, _, stream, _) in SCENES.items():
                if name == "silent":
                    threading.Timer(0.5, gate.open).start()  # a silence of half a second, to be told
                ask(client, dialect, name, stream, headers=known)
            ask(client, "claude", "failover", headers={"x-api-key": "wrong"})
            asked = request("claude", "left", True)
            with client.stream(**asked | {"headers": asked["headers"] | known}) as answer:
                next(answer.iter_bytes())
        yield {_name(flow): flow for flow in _read(running.flows)}


@pytest.fixture(autouse=True, scope="module")
def mitmproxy() -> Iterator[None]:
    """Some views ask mitmproxy for other flows."""
    with taddons.context():
        yield


def _read(path: Path) -> list[HTTPFlow]:
    with path.open("rb") as file:
        return [flow for flow in FlowReader(file).stream() if isinstance(flow, HTTPFlow)]


def _name(flow: HTTPFlow) -> str:
    found = flow.metadata.get(KEY, {})
    return "wrong key" if flow.response is not None and flow.response.status_code == 401 else found.get("model", "")


def shown(flow: HTTPFlow, view: str, side: str = "response") -> str:
    """A view's text, as mitmproxy gets it."""
    message = flow.response if side == "response" else flow.request
    metadata = contentviews.Metadata(flow=flow, http_message=message)
    found = next(one for one in VIEWS if one.name == view)
    return found.prettify((message.raw_content if message is not None else b"") or b"", metadata)


def test_every_view_is_there_for_every_flow(flows: dict[str, HTTPFlow]) -> None:
    assert flows.keys() >= {*SCENES, "left", "wrong key"}
    assert len({view.name for view in VIEWS}) == len(VIEWS)
    assert all(re.fullmatch(r"[\w -]+", view.name) for view in VIEWS)  # what mitmweb's addresses take
    for name, flow in flows.items():
        for view in VIEWS:
            for side in ("request", "response"):
                assert shown(flow, view.name, side).strip(), (name, view.name, side)


def test_the_answer_is_assembled(flows: dict[str, HTTPFlow]) -> None:
    for name in ("failover", "relayed", "whole"):
        text = shown(flows[name], "Answer")
        assert "1,234 (1,000 cached)→567 (120 thought) tok" in text
        assert "stop: tool" in text
        assert "  I need the weather." in text
        assert "Let me look." in text
        assert "→ call get_weather" in text
        assert '    "city": "Bern"' in text
        assert "≠" not in text
        assert "first byte" in text
    assert "of attempt 2 (host-1:1)" in shown(flows["failover"], "Answer")


def test_an_answer_that_broke_says_who_broke_it(flows: dict[str, HTTPFlow]) -> None:
    cut = shown(flows["cut"], "Answer")
    assert "✗ an error made by the upstream claude (upstream): http://127.0.0.1" in cut
    assert "\nAll " in cut
    assert "✗ an error made by the upstream codex (server): made to fail" in shown(flows["erred"], "Answer")
    left = shown(flows["left"], "Answer")
    assert "✂ Client disconnected." in left
    assert "✂ it stops here: the end is missing" in left
    assert "✗ an error made by the client (auth): the API key is not one" in shown(flows["wrong key"], "Answer")
    assert "✗ an error made by the upstream claude (invalid): that is not possible" in shown(flows["refused"], "Answer")


def test_a_silence_has_its_place(flows: dict[str, HTTPFlow]) -> None:
    text = shown(flows["silent"], "Answer")
    told = re.search(r"silent +(0\.[34567]\d) s from 0\.\d\d s on, in text, behind “All”", text)
    assert told is not None, text
    assert re.search(r"speed +\d+ tokens/s: 4 tokens in 0\.", text)


def test_the_attempts_stand_in_columns(flows: dict[str, HTTPFlow]) -> None:
    text = shown(flows["failover"], "Attempts")
    lines = text.splitlines()
    head = next(place for place, line in enumerate(lines) if "credential" in line)
    assert lines[head + 1].startswith("1  host-0:1    host-0    openai-chat  real-failover     429")
    assert set(lines[head + 2].strip()) == {"·", "░"}
    assert lines[head + 3].startswith("2  host-1:1    host-1    openai-chat  real-failover     200")
    assert lines[head].index("status") + 6 == lines[head + 1].index("429") + 3
    assert "attempt 1 failed, the upstream host-0 says (rate_limit): slow down" in text
    assert lines[-1].endswith("answered by host-1:1")
    assert "client key 1" in lines[0]
    assert "nobody was asked" in shown(flows["wrong key"], "Attempts")
    assert "the client's fault (auth)" in shown(flows["wrong key"], "Attempts")


def test_what_went_over_the_wires(flows: dict[str, HTTPFlow]) -> None:
    sent = shown(flows["failover"], "Upstream request")
    assert sent.count("── attempt ") == 2
    assert "authorization: Bearer [host-1:1]" in sent
    assert '  "model": "real-failover",' in sent
    came = shown(flows["failover"], "Upstream response")
    assert "429 Too Many Requests" in came
    assert '"message":"slow down"' in came
    assert came.count("data: {") > 5
    got = shown(flows["failover"], "Emitted")
    assert "200 OK" in got
    assert "event: message_stop" in got
    packed = shown(flows["packed"], "Upstream response")
    assert "content-encoding: gzip" in packed
    assert '"content":"All' in packed
    assert "unpacked" in packed
    assert "event: error" in shown(flows["erred"], "Emitted")
    assert "no upstream was asked: the API key" in shown(flows["wrong key"], "Upstream request")
    assert "401 Unauthorized" in shown(flows["wrong key"], "Emitted")


def test_the_line_and_the_sign_of_each(flows: dict[str, HTTPFlow]) -> None:
    tokens = "1,234 (1,000 cached)→567 (120 thought) tok · tool"
    for name, pieces, sign in (
        ("failover", ("claude→openai-chat · failover→real-failover · host-0:1 429 → host-1:1 · ", tokens), "failover"),
        ("relayed", ("claude · relayed→real-relayed · claude:1 · ", tokens), ""),
        ("cut", (" · ✗ upstream: http://127.0.0.1", "broke off"), "cut"),
        ("refused", (" · claude:3 400 · ", "✗ upstream: that is not possible"), "upstream"),
        ("left", (" · ✂ the client left",), "cut"),
        ("wrong key", ("claude · ✗ client: the API key",), "client"),
    ):
        assert all(piece in flows[name].comment for piece in pieces), flows[name].comment
        assert flows[name].marked == MARKERS.get(sign, "")


def test_mitmproxy_chooses_ours_where_they_say_more(flows: dict[str, HTTPFlow]) -> None:
    for view in VIEWS:
        contentviews.add(view)
    flow = flows["failover"]
    assert flow.response is not None
    answer = contentviews.prettify_message(flow.response, flow)
    assert answer.view_name == "Answer"
    assert contentviews.prettify_message(flow.request, flow).view_name == "Conversation"
    raw = contentviews.prettify_message(flow.request, flow, "upstream request")
    assert raw.syntax_highlight == "yaml"
    other = tflow.tflow(resp=True)
    assert other.response is not None
    assert contentviews.prettify_message(other.response, other).view_name not in {view.name for view in VIEWS}


def test_answers_that_other_programs_recorded(flows: dict[str, HTTPFlow]) -> None:
    flow = flows["relayed"].copy()
    del flow.metadata[KEY]
    text = shown(flow, "Answer")
    assert text.startswith("claude · real-relayed · 1,234 (1,000 cached)→567 (120 thought) tok · stop: tool")
    assert "→ call get_weather" in text
    assert "nothing was recorded" in shown(flow, "Attempts")


def test_mitmdump_prints_them(flows: dict[str, HTTPFlow], tmp_path: Path) -> None:
    saved = tmp_path / "one.mitm"
    with saved.open("wb") as file:
        FlowWriter(file).add(flows["failover"])
    home = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    options = (
        "--set",
        f"confdir={tmp_path}",
        "--set",
        "flow_detail=3",
        "--set",
        f"cliproxy_config={tmp_path}/none.yaml",
    )
    (tmp_path / "none.yaml").write_text(f"auth-dir: {tmp_path}\nport: {free_port()}\n")
    command = [str(Path(sys.executable).with_name("mitmdump")), "-nr", str(saved), "-s", "addons/cliproxy.py", *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=home, timeout=60, check=False)
    assert "call get_weather" in done.stdout, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@given(st.binary(max_size=200), st.sampled_from([*DIALECTS, "no such"]), st.booleans())
def test_whatever_was_recorded(body: bytes, dialect: str, packed: bool) -> None:
    flow = tflow.tflow(resp=True)
    coding = [["content-encoding", "gzip"]] if packed else []
    tried = {"dialect": dialect, "raw": body, "request_body": body, "answer_headers": coding, "marks": [1, 5, 900, 9]}
    flow.metadata[KEY] = {"client": dialect, "emitted": body, "stream": True, "attempts": [tried | {"first_byte": 9.0}]}
    for view in VIEWS:
        assert shown(flow, view.name)


def test_an_answer_whose_middle_was_not_kept(flows: dict[str, HTTPFlow]) -> None:
    flow = flows["relayed"].copy()
    kept = dict(flow.metadata[KEY])
    flow.metadata[KEY] = kept | {"emitted": trimmed(kept["emitted"], 2000)}
    text = shown(flow, "Answer")
    assert "stop: tool" in text
    assert '    "city": "Bern"' in text
    assert "✂ 819 bytes in the middle were not kept, nor what was said in them" in text
    assert "of which" in shown(flow, "Emitted")


def test_the_filters_that_are_recommended_find_what_they_say(flows: dict[str, HTTPFlow]) -> None:
    last = flows["failover"].metadata[KEY]["attempts"][-1]
    times = {"first_byte": last["first_byte"] + 12, "ended": last["ended"] + 12}
    known = flows | {
        "slow": _changed(flows["relayed"], attempts=[last | times]),
        "long": _changed(flows["whole"], stop={"reason": "length"}),
        "tired": _changed(flows["whole"], attempts=[], refusal=["cliproxy", "cooling", "all rest"]),
        "dropped": _changed(flows["whole"], losses=[["$.seed", "no such field", False]]),
    }
    found = {
        "~marked": {"failover", "cut", "erred", "refused", "left", "wrong key", "tired"},
        '~comment "✗ cliproxy"': {"tired"},
        "~marker scissors": {"cut", "erred", "left"},
        '~comment "host-0:1 429"': {"failover"},
        "~comment →real-failover": {"failover", "slow"},
        "~comment claude→openai": {"failover", "slow", "silent", "left", "erred"},
        '~comment "· length"': {"long"},
        "~comment drop": {"dropped"},
        '~comment "[0-9]{2}[.][0-9]/"': {"slow"},
        "~comment tok & !~comment cached": {"packed", "silent", "cut"},
    }
    told = re.findall(r"^\| `(~.+?)` \|", (ROOT / "docs" / "flows.md").read_text(), re.MULTILINE)
    assert told == list(found)
    for expression, names in found.items():
        chosen = flowfilter.parse(expression)
        assert {name for name, flow in known.items() if chosen(flow)} == names, expression
    assert set(re.findall(r"`(:\w+:)`", (ROOT / "docs" / "flows.md").read_text())) == set(MARKERS.values())


def _changed(flow: HTTPFlow, **members: object) -> HTTPFlow:
    """The same, with other things recorded."""
    other = flow.copy()
    other.metadata[KEY], other.marked = flow.metadata[KEY] | members, ""
    tell(other)
    return other
