"""Where the official libraries' types are narrower than what their services take, or than what is common practice.

What a gap names is taken out of a body before it is judged (shapes.py, gemini.py).
"""

import copy
import re
from typing import Any, NamedTuple

_STEP = re.compile(r"\[(?:(?P<key>\w*)=(?P<word>[^\]]*))?\]|(?P<name>\w+)")


class Gap(NamedTuple):
    """`path`: `a[].b` a member of every item, `a[key=word]` the items of that kind, `a[=word]` that word itself.
    value: only where it is that value.
    """

    path: str
    why: str
    source: str
    value: Any = ...


HELPER = "openai-python 3.54, chat.completions.parse: its own message objects, sent back as they came"
COMPATIBLE = "llama.cpp, vLLM, DeepSeek and OpenRouter, API pages read November 2026"

CHAT = (
    Gap("messages[role=assistant].annotations", "in answers, hence in histories", HELPER),
    Gap("messages[role=assistant].parsed", "in the helper's answers, hence in histories", HELPER),
    Gap("messages[].tool_calls[].function.parsed_arguments", "in the helper's answers", HELPER),
    Gap("messages[].tool_calls[].index", "in streamed answers, hence in histories", HELPER),
    Gap("messages[role=assistant].reasoning_content", "open reasoning, wanted back by its author", COMPATIBLE),
    Gap("messages[role=assistant].reasoning_details", "sealed reasoning, wanted back by its author", COMPATIBLE),
    Gap(
        "messages[].tool_calls[].extra_content",
        "carries thought signatures",
        "Google, “OpenAI compatibility”, read November 2026",
    ),
    Gap("messages[].content[type=video_url]", "video in", COMPATIBLE),
    Gap("modalities[=image]", "images out", COMPATIBLE),
)
RESPONSES = (
    Gap("input[type=reasoning].content", "null is taken by the service", "codex-rs 0.142 sends it", value=None),
    Gap(
        "tool_choice",
        "the types only name its preview",
        "the spelling of the tool itself; OpenAI's Codex backend knows no other, in tool_choice too",
        value={"type": "web_search"},
    ),
)


def without(body: dict[str, Any], gaps: tuple[Gap, ...]) -> dict[str, Any]:
    """A copy of a body without what the gaps name."""
    body = copy.deepcopy(body)
    for gap in gaps:
        _take(body, list(_STEP.finditer(gap.path)), gap)
    return body


def _take(value: Any, steps: list[re.Match[str]], gap: Gap) -> None:
    step, rest = steps[0], steps[1:]
    name = step["name"]
    if name is not None:
        if not isinstance(value, dict) or name not in value:
            return
        if rest:
            _take(value[name], rest, gap)
        elif gap.value is ... or value[name] == gap.value:
            del value[name]
        return
    if not isinstance(value, list):
        return
    meant = [one for one in value if _is_meant(one, step["key"], step["word"])]
    if not rest:
        value[:] = [one for one in value if one not in meant]
    for one in meant if rest else ():
        _take(one, rest, gap)


def _is_meant(one: Any, key: str | None, word: str | None) -> bool:
    if key == "":
        return bool(one == word)
    return isinstance(one, dict) and (key is None or one.get(key) == word)
