"""What the clients of the situations say: requests as coding agents send them, in four dialects."""

import base64
from typing import Any

from tests.end_to_end.talk import PNG
from tests.upstreams import Answer, Call, Usage

DOORS: dict[str, tuple[str, dict[str, str]]] = {
    "claude": ("/v1/messages", {"anthropic-version": "2023-06-01"}),
    "openai-chat": ("/v1/chat/completions", {}),
    "openai-responses": ("/v1/responses", {}),
}
"""Path and further headers of each client."""

SYSTEM = """You are a coding agent. You work in a repository on the user's machine, through tools.

Rules
- Read a file before you change it. Keep changes small, and say why you make them.
- Never run a command that cannot be undone without asking.
- When a test fails, find the cause before you touch the test.
- Answer in the language of the user; be brief.

Environment
- Working directory: /home/ana/pool
- Platform: linux; Python 3.13; git branch: locks
"""


def tool(name: str, description: str, **fields: str) -> dict[str, Any]:
    """A tool in Claude's dialect. fields: name = description of a string; all are required."""
    properties = {each: {"type": "string", "description": text} for each, text in fields.items()}
    schema = {"type": "object", "properties": properties, "required": list(fields), "additionalProperties": False}
    return {"name": name, "description": description, "input_schema": schema}


TOOLS = [
    tool("Read", "Read a file of the repository, with line numbers.", path="Relative to the working directory"),
    tool("Edit", "Replace one piece of text in a file.", path="The file", old="What stands there", new="What shall"),
    tool("Bash", "Run a command and return what it prints.", command="The command", why="In five to ten words"),
    tool("Grep", "Search the repository for a regular expression.", pattern="The expression", path="Where to look"),
]
SOURCE = """    1  class Pool:
    2      def __init__(self, size: int) -> None:
    3          self._lock = threading.Lock()
    4          self._idle: list[Conn] = [Conn() for _ in range(size)]
    5
    6      def take(self) -> Conn:
    7          with self._lock:
    8              if not self._idle:
    9                  return self.grow()
   10              return self._idle.pop()
   11
   12      def grow(self) -> Conn:
   13          with self._lock:
   14              self._idle.append(Conn())
   15              return self._idle.pop()
"""
LONG: list[dict[str, Any]] = [
    {"role": "user", "content": "The service hangs under load. Find out why, and mend it."},
    {
        "role": "assistant",
        "content": [
            {"type": "text", "text": "I'll look at the pool first."},
            {"type": "tool_use", "id": "toolu_01AbCdEf", "name": "Read", "input": {"path": "pool.py"}},
        ],
    },
    {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "toolu_01AbCdEf", "content": SOURCE},
            {"type": "text", "text": "This is the profiler's picture of the moment it hangs."},
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()},
                "cache_control": {"type": "ephemeral"},
            },
        ],
    },
]
TWO_CALLS = Answer(
    "`take` holds the lock and calls `grow`, which takes it again: a deadlock as soon as the pool is empty. "
    "I'll make the lock re-entrant and run the tests.",
    "take() acquires _lock, then calls grow() while still holding it. threading.Lock is not re-entrant, so the second "
    "acquire never returns. An RLock is the smallest change.",
    (
        Call("Edit", {"path": "pool.py", "old": "threading.Lock()", "new": "threading.RLock()"}),
        Call("Bash", {"command": "python -m pytest tests/test_pool.py -q", "why": "See whether the pool still hangs"}),
    ),
    Usage(4_218, 3_072, 0, 161, 58),
    pieces=6,
)
WRITE = Call(
    "Write", {"path": "REPORT.md", "text": "# Why the service hangs\n\n" + "The pool's lock is taken twice. " * 12}
)
REVIEW = (
    "The change is right, with two remarks. First, `grow` is public and may be called without the lock, so it should "
    "say what it expects. Second, the new test starts forty threads and never joins them, so a failure would "
)
BAD_TOOL = {
    "type": "function",
    "function": {
        "name": "search_issues",
        "description": "Search the issue tracker.",
        "parameters": {
            "type": "object",
            "properties": {"text": {"type": "string"}, "labels": {"type": "array"}},
            "required": ["text", "labels"],
        },
    },
}


def agent(model: str, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """A streamed request of a coding agent that speaks Claude's dialect."""
    system = [{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}]
    return {
        "model": model, "max_tokens": 32_000, "stream": True, "system": system, "tools": TOOLS, "messages": messages,
        "thinking": {"type": "enabled", "budget_tokens": 4096}, "top_k": 40,
        "metadata": {"user_id": "user_5f0c_account__session_6b0e4c1a-77a1-4b9e-9d6e-2f2f6a3c9d10"},
    }  # fmt: skip


def plain(model: str, text: str, **more: Any) -> dict[str, Any]:
    """A streamed question in Claude's dialect."""
    said = [{"role": "user", "content": text}]
    return {"model": model, "max_tokens": 1024, "stream": True, "messages": said} | more


def writer(model: str) -> dict[str, Any]:
    """A request for a long file, with too small a limit."""
    tools = [tool("Write", "Write a file.", path="The file", text="All of its text")]
    return plain(model, "Write what you found into REPORT.md.", max_tokens=256, tools=tools)


def timed(model: str, clock: str, further: bool) -> dict[str, Any]:
    """One turn of a conversation whose system prompt begins with the time of day. further: it is the second."""
    text = f"The time is {clock}.\n\n{SYSTEM}\n" + "\n".join(f"- Style rule {at}: {RULE}" for at in range(1, 120))
    system = [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]
    said: list[dict[str, Any]] = [{"role": "user", "content": "Who holds the lock while the file is parsed?"}]
    if further:
        said += [
            {"role": "assistant", "content": "The parser holds the lock."},
            {"role": "user", "content": "And who releases it when the parser raises?"},
        ]
    return {"model": model, "max_tokens": 1024, "stream": True, "system": system, "messages": said, "tools": TOOLS} | {
        "metadata": {"user_id": "user_5f0c_account__session_0d1f7a52-1f0e-4a0c-8a53-7f1b7f6f5c11"}
    }


RULE = "write what a reader needs to know and no more; name things by what they are, not by how they are made."


def spoken(model: str, text: str) -> dict[str, Any]:
    """A streamed question of a client that speaks the Responses dialect."""
    said = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}]
    return {"model": model, "instructions": SYSTEM, "input": said, "stream": True, "store": False}


def question(model: str, text: str) -> dict[str, Any]:
    """A streamed question in the Chat dialect."""
    said = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]
    return {"model": model, "messages": said, "stream": True, "stream_options": {"include_usage": True}}


def signed(model: str, signature: str) -> dict[str, Any]:
    """A second turn in Claude's dialect; the first one's thinking carries `signature`."""
    thought = {"type": "thinking", "thinking": "Two callers, one lock.", "signature": signature}
    said = [
        {"role": "user", "content": "Is the lock taken twice?"},
        {"role": "assistant", "content": [thought, {"type": "text", "text": "Let me think about it."}]},
        {"role": "user", "content": "Well?"},
    ]
    thinking = {"type": "enabled", "budget_tokens": 2048}
    return {"model": model, "max_tokens": 8192, "stream": True, "messages": said, "thinking": thinking}


def pictured(model: str, text: str, mime: str) -> dict[str, Any]:
    """A streamed question about a picture, in the Chat dialect."""
    url = f"data:{mime};base64,{base64.b64encode(b'BM' + bytes(3000)).decode()}"
    parts = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}]
    return question(model, "") | {"messages": [{"role": "user", "content": parts}]}
