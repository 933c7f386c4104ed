"""Which dialect and operation a path means: one table, read by everyone.

The paths are those that clients really use (Claude Code, Codex, Gemini CLI, Qwen Code, OpenCode, the vendors' SDKs;
seen November
2026): Google's SDKs call `/v1/models/M:verb`, its command line `/v1beta/…`.
"""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple
from urllib.parse import unquote

type Operation = Literal[
    "generate", "count_tokens", "compact", "list_models", "get_model", "health", "banner", "upgrade", "unknown"
]


class Call(NamedTuple):
    """What a request asks for.

    dialect: in which the answer, also an error, must be written. model, stream: where the path tells them
    (Gemini), else "" and
    None. array: Gemini's stream as one JSON array. shape: which of the four model lists.
    """

    dialect: str
    operation: Operation
    model: str = ""
    stream: bool | None = None
    array: bool = False
    shape: Literal["openai", "claude", "gemini", "codex"] = "openai"


class _Route(NamedTuple):
    method: str
    path: re.Pattern[str]
    dialect: str
    operation: Operation


def _route(method: str, path: str, dialect: str, operation: Operation) -> _Route:
    return _Route(method, re.compile(path), dialect, operation)


ROUTES = (
    _route("POST", r"/v1/chat/completions", "openai-chat", "generate"),
    _route("POST", r"/v1/completions", "openai-completions", "generate"),
    _route("POST", r"/v1/responses", "openai-responses", "generate"),
    _route("POST", r"/v1/responses/compact", "openai-responses", "compact"),
    _route("POST", r"/v1/responses/input_tokens", "openai-responses", "count_tokens"),
    _route("GET", r"/v1/responses", "openai-responses", "upgrade"),
    _route("POST", r"/v1/messages", "claude", "generate"),
    _route("POST", r"/v1/messages/count_tokens", "claude", "count_tokens"),
    _route("POST", r"/v1(?:beta|alpha)?/models/(?P<model>[^:]+):generateContent", "gemini", "generate"),
    _route("POST", r"/v1(?:beta|alpha)?/models/(?P<model>[^:]+):streamGenerateContent", "gemini", "generate"),
    _route("POST", r"/v1(?:beta|alpha)?/models/(?P<model>[^:]+):countTokens", "gemini", "count_tokens"),
    _route("GET", r"/v1beta/models", "gemini", "list_models"),
    _route("GET", r"/v1beta/models/(?P<model>.+)", "gemini", "get_model"),
    _route("GET", r"/v1/models", "openai-chat", "list_models"),
    _route("GET", r"/v1/models/(?P<model>.+)", "openai-chat", "get_model"),
    _route("GET", r"/healthz?", "openai-chat", "health"),
    _route("GET", r"/", "openai-chat", "banner"),
)


_FIXED = {
    (each.method, each.path.pattern): each for each in ROUTES if re.escape(each.path.pattern) == each.path.pattern
}
_OPEN = tuple(route for route in ROUTES if (route.method, route.path.pattern) not in _FIXED)
"""Routes whose path holds something to be read; the others are found by looking them up."""


def add(path: str, dialect: str) -> None:
    """Serve one more dialect's clients. Raises ValueError if the path means something already."""
    if not path.startswith("/") or any(route.path.fullmatch(path) for route in (*ROUTES, *_FIXED.values())):
        raise ValueError(f"{path!r} is no path, or is taken")
    _FIXED["POST", path] = _route("POST", re.escape(path), dialect, "generate")


def recognise(method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Call:
    """What a request asks for. `path` without the query; `headers` by any case-insensitive mapping.

    HEAD is answered as GET. An unknown path is the operation "unknown" in the nearest dialect.
    """
    path = path.rstrip("/") or "/"
    asked = "GET" if method == "HEAD" else method
    for route in (_FIXED[asked, path],) if (asked, path) in _FIXED else _OPEN:
        if route.method == asked and (found := route.path.fullmatch(path)):
            model = unquote(found.groupdict().get("model") or "")
            return _call(route, path, model, query, headers)
    return Call(_nearest(path, headers), "unknown")


def _call(route: _Route, path: str, model: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Call:
    if route.operation in ("list_models", "get_model"):
        shape = _list_shape(route, query, headers)
        dialect = {"claude": "claude", "gemini": "gemini"}.get(shape, "openai-chat")
        return Call(dialect, route.operation, model, shape=shape)
    if route.dialect != "gemini":
        return Call(route.dialect, route.operation)
    streamed = path.endswith(":streamGenerateContent")
    array = streamed and (query.get("alt") or query.get("$alt") or "") != "sse"
    return Call("gemini", route.operation, model.removeprefix("models/"), streamed, array)


def _list_shape(
    route: _Route, query: Mapping[str, str], headers: Mapping[str, str]
) -> Literal["openai", "claude", "gemini", "codex"]:
    """The four answers of /v1/models: the Google and Anthropic SDKs fail on any other than their own."""
    if route.dialect == "gemini" or "x-goog-api-key" in headers or "key" in query:
        return "gemini"
    if "anthropic-version" in headers or headers.get("user-agent", "").startswith("claude-cli"):
        return "claude"
    if "client_version" in query:
        return "codex"
    return "openai"


def _nearest(path: str, headers: Mapping[str, str]) -> str:
    """The dialect in which somebody who took a wrong turn expects to be told."""
    if "/messages" in path or "anthropic-version" in headers:
        return "claude"
    if "v1beta" in path or "v1alpha" in path or ":" in path or "x-goog-api-key" in headers:
        return "gemini"
    if "/responses" in path:
        return "openai-responses"
    return "openai-chat"


def known_paths() -> list[str]:
    """The paths as a person would write them, for the 404."""
    return sorted({f"{route.method} {_plain(route.path)}" for route in ROUTES if route.operation != "upgrade"})


def _plain(path: re.Pattern[str]) -> str:
    named = re.sub(r"\(\?P<model>[^)]*\)", "{model}", path.pattern)
    return named.replace("(?:beta|alpha)?", "beta").replace("z?", "z")
