"""Tools of other vendors that ran at the vendor, shown to this dialect's clients as Anthropic's server tools.

Stand-ins lack what Anthropic encrypts, so they can never go back to it: their ids begin with `srvtoolu_cliproxy_`, by
which the reader of requests knows them again. What has no counterpart gives no block.
"""

import hashlib
import re
from typing import Any

import msgspec
from msgspec import Raw

from translators.claude.words import MADE_HOSTED

type Block = dict[str, Any]

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def blocks_of_call(kind: str, identifier: str, native: Raw) -> list[Block]:
    """A hosted call of another vendor as `server_tool_use`, with its result where the vendor keeps both together."""
    said = _tree(native)
    if kind == "web_search":
        return _search(said, _made_id(identifier, native))
    if kind == "code":
        return _code(said, _made_id(identifier, native))
    return []


def blocks_of_result(kind: str, identifier: str, native: Raw) -> list[Block]:
    """The separate result of a hosted call of another vendor."""
    said = _tree(native)
    said = _dict(said.get("codeExecutionResult")) or said
    if kind != "code" or "output" not in said:
        return []
    failed = said.get("outcome") not in (None, "OUTCOME_OK")
    return [_code_result(_made_id(identifier, native), _text(said["output"]), failed)]


def _search(said: dict[str, Any], made: str) -> list[Block]:
    """OpenAI's web_search_call, or Gemini's groundingMetadata."""
    action = _dict(said.get("action"))
    if action and action.get("type", "search") != "search":
        return []
    queries = _list(action.get("queries")) or _list(said.get("webSearchQueries"))
    query = _text(action.get("query")) or " | ".join(_text(each) for each in queries)
    chunks = [_dict(_dict(chunk).get("web")) for chunk in _list(said.get("groundingChunks"))]
    sources = [_dict(source) for source in _list(action.get("sources"))] or chunks
    hits = [
        {
            "type": "web_search_result",
            "url": url,
            "title": _text(source.get("title")),
            "encrypted_content": "",
            "page_age": None,
        }
        for source in sources
        if (url := _text(source.get("url")) or _text(source.get("uri")))
    ]
    return [
        {"type": "server_tool_use", "id": made, "name": "web_search", "input": {"query": query}},
        {"type": "web_search_tool_result", "tool_use_id": made, "content": hits},
    ]


def _code(said: dict[str, Any], made: str) -> list[Block]:
    """OpenAI's code_interpreter_call (with its logs), or Gemini's executableCode (whose result comes apart)."""
    inner = _dict(said.get("executableCode")) or said
    if not isinstance(inner.get("code"), str):
        return []
    call = {"type": "server_tool_use", "id": made, "name": "code_execution", "input": {"code": inner["code"]}}
    if "outputs" not in inner:
        return [call]
    logs = "".join(_text(_dict(output).get("logs")) for output in _list(inner["outputs"]))
    return [call, _code_result(made, logs, inner.get("status") == "failed")]


def _code_result(made: str, output: str, failed: bool) -> Block:
    return {
        "type": "code_execution_tool_result",
        "tool_use_id": made,
        "content": {
            "type": "code_execution_result",
            "stdout": "" if failed else output,
            "stderr": output if failed else "",
            "return_code": int(failed),
            "content": [],
        },
    }


def _made_id(identifier: str, native: Raw) -> str:
    """The same id for a call and its result, and for the same call each time."""
    if _ID.fullmatch(identifier):
        return MADE_HOSTED + identifier
    return MADE_HOSTED + hashlib.sha256(identifier.encode() or bytes(native)).hexdigest()[:24]


def _tree(native: Raw) -> dict[str, Any]:
    try:
        return _dict(msgspec.json.decode(native))
    except msgspec.DecodeError:
        return {}


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
