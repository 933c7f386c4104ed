"""Which conversation a request belongs to, and that it stays with its credential: it sticks, gives way, returns."""

import json
from typing import Any

import pytest

from addons import affinity
from addons.authorize import Authorize
from addons.exchanges import Exchange
from addons.sessions import identities
from credentials.outcomes import QUOTA, TRANSIENT
from tests.addons.scene import Scene, scene
from translators.model import Failure

UUID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"


def ids(body: Any, headers: dict[str, str] | None = None, subagents: bool = True) -> tuple[str, ...]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return identities(headers or {}, content, subagents)


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        ({}, {"x-claude-code-session-id": "s"}, ("id s",)),
        ({"metadata": {"user_id": f"user_1_account__session_{UUID}"}}, {}, (f"id {UUID}",)),
        ({"metadata": {"user_id": json.dumps({"device_id": "d", "session_id": UUID})}}, {}, (f"id {UUID}",)),
        ({"prompt_cache_key": "p"}, {"session-id": "s", "thread-id": "t"}, ("id s", "id t", "id p")),
        ({"session_id": "a", "sessionId": "b"}, {}, ("id a", "id b")),
        ({"conversation": {"id": "c"}}, {}, ("id c",)),
        ({"conversation": "c", "conversation_id": "d", "prompt_cache_key": 7}, {}, ("id c", "id d")),
        ({"metadata": {"user_id": "ana"}}, {"x-client-request-id": "r"}, ("id r", "id ana")),
        ({"metadata": []}, {}, ()),
        (b"no json", {}, ()),
        (b'{"messages": [{"role": "user", "content": "\xff"}]}', {}, ()),
        ({"messages": "none"}, {}, ()),
        ({"messages": [1, None, {"role": 3}]}, {}, ()),
        (b"[" * 100000, {}, ()),
    ],
)
def test_who_says_which_conversation_it_is(body: Any, headers: dict[str, str], expected: tuple[str, ...]) -> None:
    assert ids(body, headers) == expected


def test_subagents_belong_to_their_conversation_unless_they_shall_not() -> None:
    headers = {"x-claude-code-session-id": "s", "x-claude-code-agent-id": "a"}
    assert ids({}, headers) == ("id s",)
    assert ids({}, headers, subagents=False) == ("id s a",)
    codex = {"session-id": "own", "x-codex-parent-thread-id": "p", "x-openai-subagent": "review"}
    assert ids({}, codex) == ("id p", "id own")
    assert ids({}, codex, subagents=False) == ("id own review",)


SYSTEM, QUESTION, REPLY = "Be brief. " * 20, "What is new?", "Nothing."
BEGINNINGS: dict[str, dict[str, Any]] = {
    "claude": {"system": [{"type": "text", "text": SYSTEM}], "messages": [{"role": "user", "content": QUESTION}]},
    "chat": {"messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]},
    "responses": {"instructions": SYSTEM, "input": QUESTION},
    "items": {
        "instructions": SYSTEM,
        "input": [{"role": "user", "content": [{"type": "input_text", "text": QUESTION}]}],
    },
    "gemini": {
        "systemInstruction": {"parts": [{"text": SYSTEM}]},
        "contents": [{"role": "user", "parts": [{"text": QUESTION}]}],
    },
}
ANSWERS: dict[str, tuple[str, dict[str, Any]]] = {
    "claude": ("messages", {"role": "assistant", "content": [{"type": "text", "text": REPLY}]}),
    "chat": ("messages", {"role": "assistant", "content": REPLY}),
    "items": ("input", {"role": "assistant", "content": [{"type": "output_text", "text": REPLY}]}),
    "gemini": ("contents", {"role": "model", "parts": [{"text": REPLY}]}),
}


@pytest.mark.parametrize("kind", BEGINNINGS)
def test_without_any_id_the_beginning_tells(kind: str) -> None:
    (first,) = ids(BEGINNINGS[kind])
    assert first.startswith("as ")
    assert (first,) == ids(BEGINNINGS["claude"])  # the dialect does not matter
    if kind in ANSWERS:
        member, answer = ANSWERS[kind]
        later = BEGINNINGS[kind] | {member: [*BEGINNINGS[kind][member], answer]}
        assert ids(later)[1] == first
        assert ids(later)[0] not in (first, None)
    changed = json.loads(json.dumps(BEGINNINGS[kind]).replace(QUESTION, "What else?"))
    assert ids(changed) != (first,)


# --- sticking -------------------------------------------------------------------------------------------------------

CONFIG = """
claude-api-key:
  - {api-key: sk-one, base-url: "http://a.test"}
  - {api-key: sk-two, base-url: "http://b.test"}
  - {api-key: sk-three, base-url: "http://c.test"}
routing: {session-affinity: %s, session-affinity-ttl: 1h}
request-retry: 0
"""
ASK = {"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}


class Talk:
    """Requests of conversations, each asked through and answered, or failed by those it is said to fail at."""

    def __init__(self, here: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        self.here, self.now = here, 1e9
        self.authorize = Authorize(here.exchanges, here.memory)
        for module in ("addons.affinity", "addons.authorize"):
            monkeypatch.setattr(f"{module}.time.time", lambda: self.now)

    def say(self, session: str, failing: dict[str, Failure] | None = None, **more: str) -> list[str]:
        """The hosts that were asked, in turn."""
        exchange: Exchange = self.here.open("/v1/messages", ASK, {"session-id": session} | more)
        asked: list[str] = []
        while True:
            exchange.wire = None
            self.authorize.choose(exchange)
            if exchange.wire is None:
                return asked
            asked.append(exchange.wire.host[0])  # type: ignore[unreachable]
            failure = (failing or {}).get(asked[-1])
            if failure is None:
                self.authorize.response(exchange.flow)
                return asked
            exchange.attempt.failure = failure


BUSY = Failure(kind="overloaded", message="busy", status=529)
SPENT = Failure(kind="quota", message="spent", status=429, retry_after=1200.0)


def test_a_conversation_sticks(monkeypatch: pytest.MonkeyPatch) -> None:
    with scene(CONFIG % "true") as here:
        talk = Talk(here, monkeypatch)
        first = talk.say("one")
        second = talk.say("two")
        assert first != second  # new ones still take turns
        assert [talk.say("one") for _ in range(3)] == [first] * 3
        assert talk.say("two") == second


def test_unless_nobody_asked_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with scene(CONFIG % "false") as here:
        talk = Talk(here, monkeypatch)
        assert len({talk.say("one")[0] for _ in range(3)}) == 3
        assert len(talk.authorize.affinity) == 0


def test_a_short_rest_is_bridged_by_one_stand_in_and_then_it_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    with scene(CONFIG % "true") as here:
        talk = Talk(here, monkeypatch)
        (own,) = talk.say("one")
        _, stand_in = talk.say("one", {own: BUSY})
        assert TRANSIENT.keeps_session
        assert [talk.say("one") for _ in range(3)] == [[stand_in]] * 3
        (third,) = {"a", "b", "c"} - {own, stand_in}
        assert talk.say("one", {stand_in: BUSY}) == [stand_in, third]
        assert [talk.say("one") for _ in range(2)] == [[third]] * 2
        talk.now += 61
        assert talk.say("one") == [own]


def test_a_long_rest_or_a_refusal_binds_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    with scene(CONFIG % "true") as here:
        talk = Talk(here, monkeypatch)
        (own,) = talk.say("one")
        assert not QUOTA.keeps_session
        _, other = talk.say("one", {own: SPENT})
        talk.now += 1800
        assert [talk.say("one") for _ in range(3)] == [[other]] * 3
        here.settings.runtime.pool.cool(f"claude:{'abc'.index(other) + 1}", affinity.SHORT_REST + 1, talk.now)
        (third,) = talk.say("one")  # somebody else's request had met the quota
        talk.now += 600
        assert third != other
        assert talk.say("one") == [third]


def test_bonds_end_and_are_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    with scene(CONFIG % "true") as here:
        talk = Talk(here, monkeypatch)
        assert len({talk.say(str(number))[0] for number in range(3)}) == 3
        assert len(talk.authorize.affinity) == 3
        talk.now += 3601
        talk.say("9")
        assert len(talk.authorize.affinity) == 1  # the others were too old
        monkeypatch.setattr(talk.authorize.affinity._bonds, "_count", 10)
        for number in range(50):
            talk.say(str(number))
        assert len(talk.authorize.affinity) == 10
