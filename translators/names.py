"""Tool names and call ids that the other dialect does not allow: replaced the same way each turn, and undone on the
way back.

The same name always gives the same replacement (prompt caches), and no table outlives the request: names are mapped
from
the request's own tools, ids are recomputed from the client's id.
"""

import base64
import hashlib
import re
from typing import Literal, NamedTuple

from translators.model import FunctionTool, Request
from translators.parts import ToolCall, ToolResult


class ToolName(NamedTuple):
    """What the client calls a tool the upstream knows by another name or in another form."""

    name: str
    namespace: str = ""
    form: Literal["json", "text"] = "json"


class Rule(NamedTuple):
    """What a dialect allows: the characters, the length, and whether it knows namespaces and free-text tools."""

    allowed: str
    limit: int
    namespaces: bool = False
    freeform: bool = False


class Names:
    """The names of one request in one upstream dialect.

    A name that is legal stays. An illegal one keeps its legal characters, is cut, and gets 8 characters of a hash
    of the whole, so that
    two long names never collide.
    """

    def __init__(self, request: Request, rule: Rule) -> None:
        self._rule = rule
        self._illegal = re.compile(f"[^{rule.allowed}]")
        self._out: dict[tuple[str, str], str] = {}
        self.back: dict[str, ToolName] = {}
        for tool in request.tools:
            if isinstance(tool, FunctionTool):
                self._learn(tool.name, tool.namespace, tool.form)
        for turn in request.turns:
            for part in turn.parts:
                if isinstance(part, ToolCall):
                    self._learn(part.name, part.namespace, part.form)

    def _learn(self, name: str, namespace: str, form: Literal["json", "text"]) -> None:
        if (name, namespace) in self._out:
            return
        flat = name if self._rule.namespaces or not namespace else f"{namespace}__{name}"
        legal = self._illegal.sub("_", flat)
        if legal != flat or len(legal) > self._rule.limit or legal in self._out.values():
            mark = hashlib.sha256(f"{namespace}\0{name}".encode()).hexdigest()[:8]
            legal = f"{legal[: self._rule.limit - 9]}_{mark}"
        self._out[name, namespace] = legal
        if legal != name or (form == "text" and not self._rule.freeform):
            self.back[legal] = ToolName(name, namespace, form)

    def out(self, name: str, namespace: str = "") -> str:
        """The upstream's name for a tool of the client's."""
        if (name, namespace) not in self._out:
            if not namespace:
                for (known, _), legal in self._out.items():
                    if known == name:  # tool_choice names a namespaced tool by its bare name
                        return legal
            self._learn(name, namespace, "json")
        return self._out[name, namespace]


def legal_id(identifier: str, allowed: str, limit: int) -> str:
    """`identifier` if a dialect allows it, else a hash of it: the same for a call and its result, each turn."""
    if identifier and len(identifier) <= limit and re.fullmatch(f"[{allowed}]+", identifier):
        return identifier
    digest = hashlib.sha256(identifier.encode()).digest()
    return "call_" + base64.b32encode(digest).decode().lower()[:24]


class CallIds:
    """The ids of one request's calls in a dialect: legal, each used once, and results under the id of their call.

    The second call of an id is `…_2`. A result belongs to the first call of its id in the last step (calls with no
    result between them) that has none yet, else to the last call of its id.
    """

    def __init__(self, allowed: str, limit: int) -> None:
        self._allowed, self._limit = allowed, limit
        self._used: set[str] = set()
        self._waiting: dict[str, list[str]] = {}  # the client's id → ids of the calls of this step
        self._last: dict[str, str] = {}
        self._answering = False

    def call(self, identifier: str) -> str:
        """The id that a call goes out with."""
        if self._answering:
            self._waiting, self._answering = {}, False
        unique, count = legal_id(identifier, self._allowed, self._limit), 1
        while unique in self._used:
            count += 1
            unique = legal_id(f"{identifier}_{count}", self._allowed, self._limit)
        self._used.add(unique)
        self._waiting.setdefault(identifier, []).append(unique)
        self._last[identifier] = unique
        return unique

    def result(self, identifier: str) -> str:
        """The id of the call that a result answers."""
        self._answering = True
        waiting = self._waiting.get(identifier)
        if waiting:
            self._last[identifier] = waiting.pop(0)
        return self._last.get(identifier) or legal_id(identifier, self._allowed, self._limit)


def made_id(ordinal: int, name: str, arguments: str) -> str:
    """An id for a call that came without one. `ordinal` counts the calls of the reply or conversation from 0."""
    digest = hashlib.sha256(f"{ordinal}\0{name}\0{arguments}".encode()).digest()
    return "call_" + base64.b32encode(digest).decode().lower()[:20]


def unpaired(request: Request) -> tuple[list[ToolCall], list[ToolResult]]:
    """Calls that no result answers, and results whose call is nowhere before them."""
    asked: dict[str, list[ToolCall]] = {}
    orphans: list[ToolResult] = []
    for turn in request.turns:
        for part in turn.parts:
            if isinstance(part, ToolCall):
                asked.setdefault(part.id, []).append(part)
            elif isinstance(part, ToolResult):
                if part.call not in asked:
                    orphans.append(part)
                elif asked[part.call]:
                    asked[part.call].pop(0)
    return [call for calls in asked.values() for call in calls], orphans


def pair_results(request: Request) -> dict[int, str]:
    """Names of the calls that results answer: id(result) → tool name ("" if the call is nowhere before it)."""
    names: dict[str, str] = {}
    found: dict[int, str] = {}
    for turn in request.turns:
        for part in turn.parts:
            if isinstance(part, ToolCall):
                names[part.id] = part.name
            elif isinstance(part, ToolResult):
                found[id(part)] = names.get(part.call, part.name)
    return found
