"""`redact: content`: client and upstream see every word, and a person who looks at mitmweb or its files sees none."""

import threading
from pathlib import Path
from typing import Any

import httpx

from addons.views import VIEWS
from tests.end_to_end.scenery import CLIENTS, MODELS, UPSTREAMS, provider, request
from tests.end_to_end.test_canaries import PASSWORD, Inspector, under_way
from tests.proxy import free_port, proxy
from tests.upstreams import Answer, Call, FakeUpstream, Gate, Play

ASKED, SAID, THOUGHT, CALLED = "Zanzibar-asked", "Quetzalcoatl-said", "Xylophone-thought", "Yttrium-called"
WORDS = (ASKED, SAID, THOUGHT, CALLED)
ANSWER = Answer(SAID, THOUGHT, (Call("look", {"where": CALLED}),), pieces=1)


class Here:
    """What `under_way` asks for."""

    def __init__(self, inspector: Inspector) -> None:
        self.inspector = inspector


def test_nobody_who_looks_sees_a_word(tmp_path: Path) -> None:
    web, config = free_port(), dict[str, Any](redact="content")
    args = ("--set", f"web_port={web}", "--set", "web_open_browser=false", "--set", f"web_password={PASSWORD}")
    views = ("auto", *(view.name for view in VIEWS))
    with FakeUpstream() as upstream:
        for kind in UPSTREAMS:
            provider(config, kind, f"key-of-{kind}", upstream.url, [(MODELS[kind], f"m-{kind}")])
        with proxy(config, tmp_path / "home", args=args, record=True, program="mitmweb") as running:
            inspector, gate = Inspector(web), Gate()
            with inspector.http, httpx.Client(base_url=running.url, timeout=30) as plain:
                talk(plain, upstream)
                upstream.play("m-claude", Play(ANSWER, hold_at=6, gate=gate))
                upstream.play(MODELS["claude"], Play(ANSWER, hold_at=6, gate=gate))
                waiting = threading.Thread(target=ask, args=(plain, "openai-chat", "m-claude"))
                waiting.start()
                try:
                    live = under_way(Here(inspector), 1)  # type: ignore[arg-type]  # as much of a Scenery as it needs
                    see_nothing(inspector, live, views)
                finally:
                    gate.open()
                    waiting.join(20)
                flows = inspector.flows()
                assert len(flows) > 30
                see_nothing(inspector, flows[::3], views)
                inspector.run("save.har", "@all", str(tmp_path / "all.har"))
    for path in (tmp_path / "all.har", running.flows, running.home / "log"):
        content = path.read_bytes()
        assert [word for word in WORDS if word.encode() in content] == [], path
    assert b"look" in running.flows.read_bytes()


def ask(plain: httpx.Client, dialect: str, model: str, *, stream: bool = True) -> httpx.Response:
    return plain.request(**request(dialect, model, stream, f"tell me of {ASKED}"))


def talk(plain: httpx.Client, upstream: FakeUpstream) -> None:
    """Each dialect to its own upstream and to another: whole, streamed, and refused with the request quoted."""
    for number, dialect in enumerate(CLIENTS):
        for kind in (UPSTREAMS[number], UPSTREAMS[(number + 1) % 4]):
            for stream in (True, False):
                upstream.play(MODELS[kind], ANSWER)
                answer = ask(plain, dialect, f"m-{kind}", stream=stream)
                assert SAID in answer.text
                assert CALLED in answer.text
                assert ASKED in upstream.seen[-1].raw.decode()
                quoted = f"cannot read {ASKED!r}"
                upstream.play(MODELS[kind], Play(status=400, message=quoted))
                assert quoted in ask(plain, dialect, f"m-{kind}", stream=stream).json()["error"]["message"]


def see_nothing(inspector: Inspector, flows: list[dict[str, Any]], views: tuple[str, ...]) -> None:
    for path, content in inspector.pages(flows, views):
        assert [word for word in WORDS if word.encode() in content] == [], path
