"""Tools of a vendor, as others are told of them."""

import json

import pytest
from msgspec import Raw

from translators.claude import DIALECT as CLAUDE
from translators.hosted import declared, with_functions
from translators.losses import Ledger
from translators.model import HostedTool


def test_settings_of_a_declaration():
    said = Raw(b'{"type":"web_search","name":"w","filters":{},"max_uses":3,"cache_control":{"type":"ephemeral"}}')
    assert declared(HostedTool(kind="web_search", vendor="anthropic", native=said)) == {"max_uses": 3}
    google = Raw(b'{"googleSearch":{"excludeDomains":["b.example"]}}')
    tool = HostedTool(kind="web_search", vendor="google", native=google, name="googleSearch")
    assert declared(tool) == {"excludeDomains": ["b.example"]}
    assert declared(HostedTool(kind="code", vendor="google", native=Raw(b"[]"))) == {}


def ask(*tools, choice=None):
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}], "tools": tools}
    if choice:
        body["tool_choice"] = choice
    return CLAUDE.read_request(json.dumps(body).encode(), "", None, Ledger())


@pytest.mark.parametrize(
    ("type_", "name", "commands"),
    [
        ("text_editor_20241022", "str_replace_editor", ["view", "create", "str_replace", "insert", "undo_edit"]),
        ("text_editor_20250728", "str_replace_based_edit_tool", ["view", "create", "str_replace", "insert"]),
        ("memory_20250818", "memory", ["view", "create", "str_replace", "insert", "delete", "rename"]),
    ],
)
def test_a_trained_tool_has_its_schema(type_, name, commands):
    function = ask({"type": type_, "name": name}).tools[0].function
    assert function.name == name
    assert json.loads(bytes(function.schema))["properties"]["command"]["enum"] == commands


def test_functions_stand_for_trained_tools_of_others_only():
    tools = ({"type": "bash_20250124", "name": "bash"}, {"type": "web_search_20250305", "name": "web_search"})
    request = ask(*tools, choice={"type": "tool", "name": "bash"})
    assert with_functions(request, "anthropic", Ledger()) is request
    ledger = Ledger()
    told = with_functions(request, "openai", ledger)
    assert [tool.name for tool in told.tools] == ["bash", "web_search"]
    assert (told.tool_choice.only, told.tool_choice.hosted) == (["bash"], "")
    assert [(one.rule, one.path) for one in ledger.applied] == [("tool-as-function", "$.tools[0]")]
    assert request.tool_choice.hosted == "bash", "what was read stays"


def test_a_computer_has_no_stand_in():
    request = ask({"type": "computer_20250124", "name": "computer", "display_width_px": 1, "display_height_px": 1})
    assert with_functions(request, "openai", Ledger()) is request
