"""A tool's declaration on one line: name(argument: type, optional?: type, …)."""

from typing import Any

import msgspec
from msgspec import Raw

from translators.model import FunctionTool

MOST = 12
"""Arguments that are shown."""


def folded(tool: FunctionTool) -> str:
    """The signature of a tool. Arguments that may be left out have a question mark; never raises."""
    name = f"{tool.namespace}.{tool.name}" if tool.namespace else tool.name
    if tool.form == "text":
        return f"{name}(text)"
    schema = _object(tool.schema)
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return f"{name}()" if tool.schema is None or schema.get("type") in ("object", "OBJECT") else f"{name}(…)"
    required = schema.get("required")
    needed = set(map(str, required)) if isinstance(required, list) else set()
    told = [
        f"{argument}{'' if argument in needed else '?'}: {kind(one)}"
        for argument, one in list(properties.items())[:MOST]
    ]
    if len(properties) > MOST:
        told.append(f"… {len(properties) - MOST} more")
    marks = "".join([", strict" * bool(tool.strict), ", deferred" * tool.deferred]).removeprefix(", ")
    return f"{name}({', '.join(told)})" + (f" [{marks}]" if marks else "")


def kind(schema: Any, depth: int = 0) -> str:
    """The type that a schema describes, in few words."""
    if not isinstance(schema, dict) or depth > 3:
        return "any" if schema is not False else "nothing"
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        shown = " | ".join(msgspec.json.encode(one).decode() for one in choices[:4])
        return shown if len(choices) <= 4 else f"{shown} | …"
    if "const" in schema:
        return msgspec.json.encode(schema["const"]).decode()
    for name in ("anyOf", "oneOf"):
        several = schema.get(name)
        if isinstance(several, list) and several:
            return " | ".join(dict.fromkeys(kind(one, depth + 1) for one in several[:4]))
    if isinstance(schema.get("$ref"), str):
        return str(schema["$ref"].rpartition("/")[2])
    return _plain(schema, depth)


def _plain(schema: dict[str, Any], depth: int) -> str:
    stated = schema.get("type")
    if isinstance(stated, list):
        return " | ".join(str(one).lower() for one in stated[:4])
    if not isinstance(stated, str):
        return "object" if "properties" in schema else "any"
    word = stated.lower()
    if word == "array":
        return f"{kind(schema['items'], depth + 1)}[]" if "items" in schema else "array"
    return word


def _object(raw: Raw | None) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(raw) if raw else None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}
