"""What goes wrong with LLM traffic, played on fakes: the ten problems of docs/debugging.md, and one exchange that has
everything.

Each situation is what a client asks (dialect, body, how often) and what the upstream plays. `STORY` is their order; a
situation's accounts, keys and models are its own, so that none disturbs another.
"""

import base64
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx

from tests.browser import talks
from tests.end_to_end.scenery import provider
from tests.proxy import Proxy, free_port, proxy
from tests.upstreams import Answer, FakeUpstream, Gate, Play, Usage, openai_chat
from tests.upstreams.server import Seen

PASSWORD = "look"
SLOW = 1.3
"""Seconds to the first byte of the slow answer. Nothing waits for it to be right: it is what there is to be seen."""


@dataclass(frozen=True)
class Stage:
    """A gateway under mitmweb with the fakes behind it, and where its inspector is."""

    running: Proxy
    upstream: FakeUpstream
    client: httpx.Client
    inspector: str

    def ask(self, dialect: str, body: dict[str, Any], key: str = "client-key") -> httpx.Response:
        """One request of a client; its answer is read to the end, or to where it breaks."""
        path, headers = talks.DOORS[dialect]
        name, prefix = ("x-api-key", "") if dialect == "claude" else ("authorization", "Bearer ")
        asked = self.client.build_request("POST", path, json=body, headers={name: prefix + key, **headers})
        answer = self.client.send(asked, stream=True)
        with contextlib.suppress(httpx.HTTPError):  # what a client sees of a cut is not what is shown here
            answer.read()
        answer.close()
        return answer

    def told(self, piece: str, view: str, place: int = 0) -> str:
        """A view of a flow whose comment has this in it, as mitmweb gives it to its page."""
        base, known = self.inspector.partition("?")[0], {"authorization": f"Bearer {PASSWORD}"}
        flows = httpx.get(f"{base}flows", headers=known).json()
        flow = [one for one in flows if piece in one["comment"]][place]
        address = f"{base}flows/{flow['id']}/request/content/{quote(view)}.json"
        return str(httpx.get(address, headers=known).raise_for_status().json()["text"])


class Situation(NamedTuple):
    """name: of the file of its picture. play: makes it happen; what it leaves is one flow, or several."""

    name: str
    play: Callable[[Stage], None]


# --- the stage ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def stage(home: Path, *args: str, port: int = 0) -> Iterator[Stage]:
    """mitmweb with the config of all situations. args: further ones of mitmproxy's. port: 0 for any that is free."""
    inspector = f"http://127.0.0.1:{(web_port := free_port())}"
    web = ["--set", "web_open_browser=false", "--set", f"web_port={web_port}", "--set", f"web_password={PASSWORD}"]
    with FakeUpstream(lenient=True) as upstream:
        _log_ins(home / "auth", upstream.url)
        with (
            proxy(
                _config(upstream.url) | ({"port": port} if port else {}), home, program="mitmweb", args=[*web, *args]
            ) as running,
            httpx.Client(base_url=running.url, timeout=20) as client,
        ):
            _clear(inspector)
            yield Stage(running, upstream, client, f"{inspector}/?token={PASSWORD}")


def _clear(inspector: str) -> None:
    """Away with the flows of those who only asked whether it lives."""
    same = "anything-said-twice"
    headers = {"authorization": f"Bearer {PASSWORD}", "x-xsrftoken": same, "cookie": f"_mitmproxy_xsrf={same}"}
    httpx.post(f"{inspector}/clear", headers=headers).raise_for_status()


def _config(url: str) -> dict[str, Any]:
    config: dict[str, Any] = {
        "api-keys": ["client-key"],
        "request-retry": 0,
        "save-cooldown-status": False,
        "routing": {"strategy": "fill-first"},
        "oauth-excluded-models": {"claude": ["claude-opus-4-6"], "gemini-cli": ["gemini-2.5-flash"]},
    }
    for place, name in enumerate(("carol", "dave")):
        models = [("gemini-2.5-flash", "gemini-2.5-flash")]
        provider(config, "gemini", f"AIza-{name}", url, models, priority=9 - place)
    provider(config, "openai-responses", "sk-proj-eve", url, [("gpt-5.5", "gpt-5.5")])
    hosts = {
        "lab": [("qwen3-coder-480b", "qwen3-coder"), ("qwen3-coder-30b", "claude-opus-4-6")],
        "mistral": [("devstral-medium", "devstral-medium")],
        "groq": [("kimi-k2", "kimi-k2")],
    }
    for name, models in hosts.items():
        provider(config, "openai-chat", f"sk-{name}-frank", url, models, name=name)
    return config


def _log_ins(folder: Path, url: str) -> None:
    """alice's and bob's, at Anthropic and at Google."""
    folder.mkdir(parents=True, mode=0o700)
    for place, name in enumerate(("alice", "bob")):
        for kind in ("claude", "gemini"):
            body = {"type": kind, "label": name, "email": f"{name}@example.com", "expired": "2199-01-01T00:00:00Z",
                    "base_url": url, "access_token": f"at-{kind}-{name}", "refresh_token": f"rt-{kind}-{name}",
                    "project_id": f"{name}-project-1", "priority": 9 - place}  # fmt: skip
            path = folder / f"{kind}-{name}.json"
            path.write_text(json.dumps(body))
            path.chmod(0o600)


# --- the situations -------------------------------------------------------------------------------------------------


def failover(here: Stage) -> None:
    """Everything at once: Claude's client, Google's log-ins, alice over her quota, thinking, a picture, two calls."""
    here.upstream.play("at-gemini-alice", Play(status=429, message="Quota exceeded for this minute", retry_after="41"))
    here.upstream.play("at-gemini-bob", Play(talks.TWO_CALLS))
    here.ask("claude", talks.agent("gemini-2.5-pro", talks.LONG))


def lost_call(here: Stage) -> None:
    """The model wrote a file into a call's arguments and was stopped in the middle by the limit."""
    here.upstream.always("qwen3-coder-480b", _cut_call)
    here.ask("claude", talks.writer("qwen3-coder"))


def _cut_call(seen: Seen) -> Play:
    """A stream that ends with `length` inside the arguments of a call."""
    answer = Answer(
        "I'll write the report.", calls=(talks.WRITE,), usage=Usage(5120, 0, 0, 256, 0), stop="length", pieces=9
    )
    frames = openai_chat.frames(answer, seen.asked)
    whole = [at for at, frame in enumerate(frames) if b'"arguments"' in frame]
    raw = b"".join(frame for at, frame in enumerate(frames) if at not in whole[-5:])
    return Play(raw=raw, content_type="text/event-stream")


def loop_of_429(here: Stage) -> None:
    """Both keys are over their quota; the client asks again and again."""
    for name in ("carol", "dave"):
        here.upstream.always(
            f"AIza-{name}", Play(status=429, message="You exceeded your current quota", retry_after="2400")
        )
    for _ in range(4):
        here.ask("openai-chat", talks.question("gemini-2.5-flash", "Which tests failed last night?"))


def cache_misses(here: Stage) -> None:
    """Two turns of a conversation whose system prompt begins with the time of day."""
    for at, cached in (("14:02:11", 0), ("14:02:58", 0)):
        here.upstream.play(
            "at-claude-alice", Answer("The parser holds the lock.", usage=Usage(11_840, cached, 11_800, 96))
        )
        here.ask("claude", talks.timed("claude-sonnet-4-6", at, further=at.endswith("58")))


def wrong_model(here: Stage) -> None:
    """Opus was asked for; an alias of the config leads to a small model elsewhere."""
    here.upstream.play(
        "sk-lab-frank", Answer("I am not sure what `async with` does here.", usage=Usage(812, 0, 0, 64, 0))
    )
    here.ask("claude", talks.plain("claude-opus-4-6", "Explain the locking in pool.py."))


def cut_stream(here: Stage) -> None:
    """The upstream's connection breaks in the middle of an answer."""
    answer = Answer(talks.REVIEW, usage=Usage(2048, 1900, 0, 420), pieces=12)
    here.upstream.play("at-claude-alice", Play(answer, cut_at=9, cut="reset"))
    here.ask("openai-responses", talks.spoken("claude-haiku-4-5-20251001", "Review the diff of the last commit."))


def rejected_schema(here: Stage) -> None:
    """A tool's schema that the upstream does not take."""
    message = (
        "Invalid schema for function 'search_issues': In context=('properties', 'labels'), array schema missing items."
    )
    here.upstream.play("sk-proj-eve", Play(status=400, message=message, kind="invalid_request_error"))
    here.ask("openai-chat", talks.question("gpt-5.5", "Any open issues on locking?") | {"tools": [talks.BAD_TOOL]})


def bad_signature(here: Stage) -> None:
    """A thinking block whose signature somebody changed."""
    here.upstream.play("at-claude-alice", Answer("Yes: the lock is taken twice.", usage=Usage(1530, 0, 0, 40)))
    here.ask("claude", talks.signed("claude-opus-4-7", base64.b64encode(b"made by another model").decode()))


def slow_start(here: Stage) -> None:
    """The upstream takes its time before the first byte."""
    gate = Gate()
    timer = threading.Timer(SLOW, gate.open)
    timer.start()
    answer = Answer("Done: 14 files renamed.", usage=Usage(48_200, 0, 0, 31), pieces=6)
    here.upstream.play("sk-groq-frank", Play(answer, hold_at=-1, gate=gate))
    here.ask("openai-chat", talks.question("kimi-k2", "Rename `ctx` to `context` everywhere."))
    timer.join()


def wrong_key(here: Stage) -> None:
    """A key that its provider does not know, and a client's key that we do not know."""
    here.upstream.play("sk-mistral-frank", Play(status=401, message="Unauthorized: invalid API key"))
    here.ask("openai-chat", talks.question("devstral-medium", "hello"))
    here.ask("openai-chat", talks.question("devstral-medium", "hello"), key="sk-old-client-key")


def dropped_image(here: Stage) -> None:
    """A picture of a kind that the upstream's dialect has no place for."""
    here.upstream.play("at-claude-alice", Answer("I see no screenshot.", usage=Usage(640, 0, 0, 12)))
    here.ask("openai-chat", talks.pictured("claude-sonnet-5", "What is wrong in this screenshot?", "image/bmp"))


STORY = [
    Situation("failover", failover),
    Situation("lost-tool-call", lost_call),
    Situation("429-loop", loop_of_429),
    Situation("cache-misses", cache_misses),
    Situation("wrong-model", wrong_model),
    Situation("cut-stream", cut_stream),
    Situation("rejected-schema", rejected_schema),
    Situation("signature-error", bad_signature),
    Situation("slow-first-byte", slow_start),
    Situation("wrong-key", wrong_key),
    Situation("dropped-image", dropped_image),
]
