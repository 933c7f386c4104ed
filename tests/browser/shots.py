"""The pictures of docs/images, as data: which flow, tab and view each of them shows."""

from typing import NamedTuple


class Shot(NamedTuple):
    """A picture. flow: what the comment of the flow has in it ("" for the list alone), place: which of several."""

    name: str
    flow: str = ""
    tab: str = "Request"
    view: str = ""
    place: int = 0


SHOTS = [
    Shot("flow-list"),
    Shot("conversation", "alice 429", view="conversation"),
    Shot("translation", "alice 429", view="translation"),
    Shot("answer", "alice 429", "Response", "answer"),
    Shot("attempts", "alice 429", view="attempts"),
    Shot("lost-tool-call", "qwen3-coder-480b", "Response", "answer"),
    Shot("429-loop", "gemini:1 429", view="attempts"),
    Shot("cache-misses", "claude-sonnet-4-6", view="turn diff", place=1),
    Shot("wrong-model", "qwen3-coder-30b", view="attempts"),
    Shot("cut-stream", "broke off", view="attempts"),
    Shot("rejected-schema", "gpt-5.5", view="upstream request"),
    Shot("signature-error", "claude-opus-4-7", view="translation"),
    Shot("slow-first-byte", "kimi-k2", view="attempts"),
    Shot("wrong-key", "✗ client", "Response", "json"),
    Shot("dropped-image", "claude-sonnet-5", view="translation"),
]
