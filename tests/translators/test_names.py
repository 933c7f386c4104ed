"""Call ids of one request: legal, unique, and results beside their calls."""

from translators.model import Request
from translators.names import CallIds, unpaired
from translators.parts import Part, Text, ToolCall, ToolResult, Turn


def call(identifier: str) -> ToolCall:
    return ToolCall(id=identifier, name="f", arguments="{}")


def test_an_id_used_twice_is_renamed_and_results_follow_in_order():
    ids = CallIds("a-z0-9_", 40)
    assert [ids.call("c"), ids.call("c"), ids.call("c_2")] == ["c", "c_2", "c_2_2"]
    assert [ids.result("c"), ids.result("c_2"), ids.result("c")] == ["c", "c_2_2", "c_2"]
    assert ids.result("c") == "c_2"  # a second result for the call that was answered last


def test_a_result_belongs_to_the_nearest_step():
    ids = CallIds("a-z0-9_", 40)
    ids.call("c"), ids.call("d")
    assert ids.result("d") == "d"
    assert ids.call("c") == "c_2"  # the first call of that id has no result, and its step is over
    assert ids.result("c") == "c_2"


def test_an_illegal_id_is_hashed_the_same_for_call_and_result():
    ids = CallIds("a-z0-9_", 10)
    long, second = ids.call("x" * 11), ids.call("x" * 11)
    assert long != second
    assert [ids.result("x" * 11), ids.result("x" * 11)] == [long, second]
    assert ids.result("nobody's") == CallIds("a-z0-9_", 10).result("nobody's") != "nobody's"


def test_what_has_no_counterpart():
    first, second, lone = call("a"), call("a"), ToolResult(call="z")
    said: list[list[Part]] = [[lone], [first, second], [ToolResult(call="a"), Text(text="x")]]
    turns = [Turn(role="user", parts=parts) for parts in said]
    open_calls, orphans = unpaired(Request(model="m", turns=turns))
    assert (open_calls, orphans) == ([second], [lone])
    assert open_calls[0] is second


def test_a_second_result_is_no_orphan():
    turns = [Turn(role="user", parts=[call("a"), ToolResult(call="a"), ToolResult(call="a")])]
    assert unpaired(Request(model="m", turns=turns)) == ([], [])
