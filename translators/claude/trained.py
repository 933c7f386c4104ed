"""Tools that Anthropic defined and the client runs: their schemas, for models that were not trained on them.

Source: Anthropic, “Bash tool”, “Text editor tool”, “Memory tool”, read November 2026.
"""

from typing import Any

import msgspec
from msgspec import Raw

from translators.model import FunctionTool


def _text(told: str) -> dict[str, Any]:
    return {"type": "string", "description": told}


_PATH = _text("path of a file or folder")
_FILE = {
    "file_text": _text("with create: the content of the file"),
    "old_str": _text("with str_replace: the text to replace, which must occur exactly once"),
    "new_str": _text("with str_replace: the new text"),
    "insert_line": {"type": "integer", "description": "with insert: the line after which to insert, 0 for the top"},
    "insert_text": _text("with insert: the text to insert"),
    "view_range": {
        "type": "array",
        "items": {"type": "integer"},
        "description": "with view: first and last line, from 1; -1 is the end",
    },
}


def _commands(path: dict[str, Any], required: list[str], *words: str) -> dict[str, Any]:
    said = {"command": {"type": "string", "enum": list(words)}, **path, **_FILE}
    return {"type": "object", "properties": said, "required": required}


_SCHEMAS: dict[str, tuple[str, dict[str, Any]]] = {
    "bash": (
        "Runs a command in a bash session that keeps its state.",
        {
            "type": "object",
            "properties": {
                "command": _text("the command to run; needed unless the session is restarted"),
                "restart": {"type": "boolean", "description": "start the session anew"},
            },
        },
    ),
    "editor": (
        "Views, creates and changes text files.",
        _commands({"path": _PATH}, ["command", "path"], "view", "create", "str_replace", "insert"),
    ),
    "memory": (
        "Keeps notes in files under /memories, across conversations.",
        _commands(
            {"path": _PATH, "old_path": _text("with rename: the old path"), "new_path": _text("with rename: the new")},
            ["command"],
            *("view", "create", "str_replace", "insert", "delete", "rename"),
        ),
    ),
}


def as_function(kind: str, name: str, type_: str, at: str) -> FunctionTool | None:
    """The function that stands for such a tool, None for a tool that is none of them."""
    if kind not in _SCHEMAS or not name:
        return None
    told, schema = _SCHEMAS[kind]
    if kind == "editor" and type_ < "text_editor_20250429":
        command = {"type": "string", "enum": [*schema["properties"]["command"]["enum"], "undo_edit"]}
        schema = schema | {"properties": schema["properties"] | {"command": command}}
    return FunctionTool(name=name, description=told, schema=Raw(msgspec.json.encode(schema)), at=at)
