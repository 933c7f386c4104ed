"""Which conversation a request belongs to, as far as it tells: ids of its client, else how the conversation began."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Raw

HEADERS = (
    "x-claude-code-session-id",
    "session-id",
    "session_id",
    "x-session-id",
    "x-session-affinity",
    "thread-id",
)
"""Headers that hold a conversation's id, of Claude Code, Codex, OpenCode and others; read in November 2026."""

SUBAGENTS = ("x-claude-code-agent-id", "x-openai-subagent")
"""Headers that tell a subagent from the conversation that sent it out."""

_SESSION = re.compile(r"session(?:_id\"\s*:\s*\"|_)([\w-]+)")
_HEAD = 100
"""Characters of a text that tell conversations apart: as much as CLIProxyAPI looks at."""


class _Body(msgspec.Struct):
    """What of a body tells the conversation, in any dialect."""

    metadata: Any = None
    session_id: Any = None
    sessionId: Any = None
    prompt_cache_key: Any = None
    conversation: Any = None
    conversation_id: Any = None


class _Beginning(msgspec.Struct):
    """How a conversation began, in any dialect."""

    system: Any = None
    instructions: Any = None
    systemInstruction: Any = None
    system_instruction: Any = None
    messages: list[Raw] = []
    contents: list[Raw] = []
    input: Raw = Raw(b"null")


_body = msgspec.json.Decoder(_Body)
_beginning = msgspec.json.Decoder(_Beginning)


def identities(headers: Mapping[str, str], body: bytes, subagents: bool) -> tuple[str, ...]:
    """Names of the conversation, the surest first; whoever remembers one of them knows it. headers: in lower case.

    subagents: what a client's subagents ask belongs to the conversation that sent them out.
    """
    try:
        said = _body.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        said = _Body()
    user = said.metadata.get("user_id") if isinstance(said.metadata, dict) else None
    session = _SESSION.search(user) if isinstance(user, str) else None
    own = said.conversation.get("id") if isinstance(said.conversation, dict) else said.conversation
    parent = headers.get("x-codex-parent-thread-id", "") if subagents else ""
    found = [parent, headers.get(HEADERS[0], ""), session[1] if session else ""]
    found += [headers.get(name, "") for name in HEADERS[1:]]
    found += [said.session_id, said.sessionId, said.prompt_cache_key, own, said.conversation_id]
    names = [f"id {one}" for one in found if isinstance(one, str) and one]
    if not names:
        weak = (headers.get("x-client-request-id"), user)  # the first is new with each request of some clients
        names = [f"id {one}" for one in weak if isinstance(one, str) and one] + list(_begun(body))
    agent = "" if subagents else " ".join(headers.get(name, "") for name in SUBAGENTS).strip()
    return tuple(f"{name} {agent}" for name in dict.fromkeys(names)) if agent else tuple(dict.fromkeys(names))


def _begun(body: bytes) -> Iterator[str]:
    """Hashes of the first texts: with the first answer, and without, as the conversation's first request was."""
    try:
        said = _beginning.decode(body)
        turns = said.messages or said.contents or msgspec.json.decode(said.input, type=list[Raw] | str | None) or []
        firsts = _firsts(
            [Raw(msgspec.json.encode({"role": "user", "content": turns}))] if isinstance(turns, str) else turns
        )
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    stated = said.system or said.instructions or said.systemInstruction or said.system_instruction
    system = _text(stated)[:_HEAD] or firsts.get("system", "")
    if not firsts.get("user"):
        return
    begin = f"{system}\0{firsts['user']}"
    if answer := firsts.get("assistant"):
        yield f"as {hashlib.sha256(f'{begin}\0{answer}'.encode(errors='replace')).hexdigest()}"
    yield f"as {hashlib.sha256(begin.encode(errors='replace')).hexdigest()}"


_ROLES = {"developer": "system", "model": "assistant"}


def _firsts(turns: list[Raw]) -> dict[str, str]:
    """The head of the first text of each role, up to the first answer."""
    found: dict[str, str] = {}
    for raw in turns:
        turn = msgspec.json.decode(raw)
        role = str(turn.get("role", "")) if isinstance(turn, dict) else ""
        role = _ROLES.get(role, role)
        if role and role not in found and (text := _text(turn.get("content") or turn.get("parts"))):
            found[role] = text[:_HEAD]
            if role == "assistant":
                break
    return found


def _text(value: Any) -> str:
    """The text of a content in any dialect: a string, blocks or parts with `text`, an object that holds parts."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return _text(value.get("text") or value.get("parts") or value.get("content"))
    if isinstance(value, list):
        return "".join(map(_text, value))
    return ""
