"""The vocabulary of this dialect, as tables: one-to-one tables are read in both directions."""

from translators.model import StopReason

NAME = "claude"
VENDOR = "anthropic"

STOPS: dict[str, StopReason] = {
    "end_turn": "stop",
    "stop_sequence": "sequence",
    "tool_use": "tool",
    "max_tokens": "length",
    "pause_turn": "pause",
    "refusal": "refusal",
    "model_context_window_exceeded": "context",
    "compaction": "compaction",
}

STOP_WORDS: dict[StopReason, str] = {reason: word for word, reason in STOPS.items()} | {
    "filter_out": "refusal",
    "filter_prompt": "refusal",
    "recitation": "refusal",
    "compaction": "end_turn",  # only clients of the beta know the word; they talk to this vendor itself
    "bad_call": "end_turn",
    "cancelled": "end_turn",
    "other": "end_turn",
}

REFUSAL_CATEGORIES = frozenset({"cyber", "bio", "frontier_llm", "reasoning_extraction", "general_harms"})

SERVER_TOOLS = {
    "web_search": "web_search",
    "web_fetch": "web_fetch",
    "code_execution": "code",
    "bash_code_execution": "code",
    "text_editor_code_execution": "code",
    "tool_search_tool_regex": "tool_search",
    "tool_search_tool_bm25": "tool_search",
    "tool_search": "tool_search",
    "mcp": "mcp",
}
"""Name of a server tool (and stem of its result's tag) → kind of hosted tool."""

_TOOL_TYPES = (
    ("web_search_", "web_search"),
    ("web_fetch_", "web_fetch"),
    ("code_execution_", "code"),
    ("tool_search_tool_", "tool_search"),
    ("bash_", "bash"),
    ("text_editor_", "editor"),
    ("computer_", "computer"),
    ("memory_", "memory"),
    ("mcp_toolset", "mcp_toolset"),
)


def kind_of_tool(type_: str) -> str:
    """Kind of a tool by its (dated) type; an unknown type is its own kind."""
    return next((kind for prefix, kind in _TOOL_TYPES if type_.startswith(prefix)), type_)


def kind_of_result(tag: str) -> str:
    """Kind of a server tool's result by its tag (`web_search_tool_result` …)."""
    stem = tag.removesuffix("_result").removesuffix("_tool")
    return SERVER_TOOLS.get(stem, stem)


IMAGE_MIMES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})

NAME_CHARACTERS = "a-zA-Z0-9_-"
NAME_LIMIT = 128
ID_LIMIT = 128

MADE_HOSTED = "srvtoolu_cliproxy_"
"""Ids of server-tool blocks that stand in for another vendor's: such blocks never go to Anthropic."""
