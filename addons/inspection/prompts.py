"""A prompt in the order in which its vendor's cache reads it, in stretches that can be laid beside another prompt's.

    Claude         tools, system, messages     (Anthropic: “Prompt caching”)
    OpenAI         output schema, tools, instructions, messages or input     (OpenAI: “Prompt caching”)
    Gemini         instructions, tools, contents     (Google publishes no order; this is the likely one)

Read November 2026. Cache breakpoints are no part of what is cached: they are told apart.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from addons.inspection.json_diff import parsed
from addons.inspection.spoken import opened
from translators.registry import DIALECTS


class Stretch(NamedTuple):
    """A piece of a prompt that is the same or is not. section: tools, system, schema or turns. role: of a turn, else
    "". value: parsed JSON without breakpoints. mark: the time to live of the breakpoint behind it ("" if not stated),
    None without one.
    """

    section: str
    path: str
    role: str
    value: Any
    mark: str | None = None


class Prompt(NamedTuple):
    """A prompt, and the rest of its request: what else can keep a cache from being read, by path."""

    dialect: str
    stretches: list[Stretch]
    settings: dict[str, Any]


def prompt_of(body: bytes, dialect: str) -> Prompt | None:
    """The prompt of a body as an upstream of the dialect gets it; None for what is no such body. Never raises."""
    inner, root, _ = opened(body)
    tree = parsed(inner)
    grammar = grammar_of(dialect)
    read = _READERS.get(grammar)
    if read is None or not isinstance(tree, dict):
        return None
    settings = {name: tree[name] for name in _SETTINGS.get(grammar, ()) if name in tree}
    return Prompt(dialect, list(read(tree, root)), settings)


def grammar_of(dialect: str) -> str:
    """The dialect that a variant varies; itself for any other."""
    known = DIALECTS.get(dialect)
    return known.variant_of or dialect if known is not None else dialect


_SETTINGS = {
    "claude": ("thinking", "tool_choice", "output_config", "speed", "cache_control"),
    "openai-chat": ("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "tool_choice"),
    "openai-responses": ("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "tool_choice"),
    "gemini": ("cachedContent", "toolConfig"),
}
"""Members beside the prompt whose change keeps its cache, or a part of it, from being read."""

# --- dialects -------------------------------------------------------------------------------------------------------

_MARKS = ("cache_control", "prompt_cache_breakpoint")


def _stretch(section: str, path: str, value: Any, role: str = "") -> Stretch:
    """A stretch without its breakpoint, also without one inside of a tool's result."""
    mark: str | None = None
    if isinstance(value, dict):
        mark = _mark(value)
        inside = value.get("content")
        if isinstance(inside, list) and any(_mark(one) is not None for one in inside):
            mark = next(found for one in reversed(inside) if (found := _mark(one)) is not None)
            value = value | {"content": [_bare(one) for one in inside]}
        value = _bare(value)
    return Stretch(section, path, role, value, mark)


def _mark(value: Any) -> str | None:
    for name in _MARKS:
        if isinstance(value, dict) and isinstance(value.get(name), dict):
            return str(value[name].get("ttl", ""))
    return None


def _bare(value: Any) -> Any:
    if isinstance(value, dict) and any(name in value for name in _MARKS):
        return {name: member for name, member in value.items() if name not in _MARKS}
    return value


def _list(value: Any, section: str, path: str, role: str = "") -> Iterator[Stretch]:
    """Items of an array; a text alone is an array of one text."""
    if isinstance(value, str):
        yield _stretch(section, path, {"type": "text", "text": value}, role)
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield _stretch(section, f"{path}[{place}]", one, role)
    elif value is not None:
        yield _stretch(section, path, value, role)


def _claude(tree: dict[str, Any], root: str) -> Iterator[Stretch]:
    yield from _list(tree.get("tools"), "tools", f"{root}.tools")
    yield from _list(tree.get("system"), "system", f"{root}.system")
    yield from _turns(tree.get("messages"), f"{root}.messages", "content")


def _turns(turns: Any, path: str, member: str) -> Iterator[Stretch]:
    """The parts of every turn."""
    for place, turn in enumerate(turns if isinstance(turns, list) else ()):
        if not isinstance(turn, dict):
            yield _stretch("turns", f"{path}[{place}]", turn)
            continue
        role = str(turn.get("role", ""))
        section = "system" if role in ("system", "developer") and not place else "turns"
        yield from _list(turn.get(member), section, f"{path}[{place}].{member}", role)
        rest = {name: value for name, value in turn.items() if name not in ("role", member) and value is not None}
        if rest:  # calls of tools beside the content, a name
            yield _stretch(section, f"{path}[{place}]", rest, role)


def _chat(tree: dict[str, Any], root: str) -> Iterator[Stretch]:
    form = tree.get("response_format")
    if isinstance(form, dict) and "json_schema" in form:
        yield _stretch("schema", f"{root}.response_format", form)
    yield from _list(tree.get("tools"), "tools", f"{root}.tools")
    yield from _turns(tree.get("messages"), f"{root}.messages", "content")


def _responses(tree: dict[str, Any], root: str) -> Iterator[Stretch]:
    text = tree.get("text")
    if isinstance(text, dict) and isinstance(text.get("format"), dict) and "schema" in text["format"]:
        yield _stretch("schema", f"{root}.text.format", text["format"])
    yield from _list(tree.get("tools"), "tools", f"{root}.tools")
    yield from _list(tree.get("instructions"), "system", f"{root}.instructions")
    said = tree.get("input")
    if isinstance(said, str):
        yield from _list(said, "turns", f"{root}.input", "user")
        return
    for place, item in enumerate(said if isinstance(said, list) else ()):
        path = f"{root}.input[{place}]"
        if isinstance(item, dict) and "content" in item and item.get("type", "message") == "message":
            yield from _list(item["content"], "turns", f"{path}.content", str(item.get("role", "")))
        else:
            yield _stretch("turns", path, _without_id(item))


def _without_id(item: Any) -> Any:
    """An item without the name that the vendor gave it, which its model does not read."""
    return {name: value for name, value in item.items() if name != "id"} if isinstance(item, dict) else item


def _gemini(tree: dict[str, Any], root: str) -> Iterator[Stretch]:
    for name in ("systemInstruction", "system_instruction"):
        stated = tree.get(name)
        parts = stated.get("parts") if isinstance(stated, dict) else stated
        yield from _list(parts, "system", f"{root}.{name}.parts")
    yield from _list(tree.get("tools"), "tools", f"{root}.tools")
    yield from _turns(tree.get("contents"), f"{root}.contents", "parts")


def _completions(tree: dict[str, Any], root: str) -> Iterator[Stretch]:
    yield from _list(tree.get("prompt"), "turns", f"{root}.prompt", "user")


_READERS: dict[str, Callable[[dict[str, Any], str], Iterator[Stretch]]] = {
    "claude": _claude,
    "openai-chat": _chat,
    "openai-responses": _responses,
    "gemini": _gemini,
    "openai-completions": _completions,
}


def common(before: list[Stretch], after: list[Stretch]) -> int:
    """How many stretches two prompts have in common from their beginning; another order of members counts."""
    count = 0
    for one, other in zip(before, after, strict=False):
        if one.role != other.role or one.section != other.section or one.value != other.value:
            break
        if msgspec.json.encode(one.value) != msgspec.json.encode(other.value):
            break
        count += 1
    return count
