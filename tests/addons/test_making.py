"""How a request was made, written down and read again."""

import pytest

from addons import making
from addons.inspection.plain import plain
from addons.making import Making
from addons.prepare import prepare
from credentials.pool import Lease
from tests.addons.scene import LAB, scene
from translators.dialect import Aim, Levels, Traits
from translators.model import Reasoning

AIM = Aim("m", "lab", "lab", True, Traits(known=True, context=9, thinking=Levels(names=("low",))), False, "mark", 40)


@pytest.mark.parametrize(
    "made",
    [
        Making(AIM, Reasoning(mode="effort", effort="high"), "past", True, True, ("codex",), "codex"),
        Making(Aim("m", "claude", "anthropic", False)),
    ],
)
def test_what_is_written_is_read_again(made: Making) -> None:
    assert making.read(making.plain(made)) == made


@pytest.mark.parametrize("said", [None, {}, [], "x", {"model": 3}, {"model": "m", "traits": 5}])
def test_what_is_something_else_is_nothing(said: object) -> None:
    assert making.read(said) is None


RULES = LAB + "\npayload: {override: [{models: [{name: x}], params: {temperature: 1}}]}"


def test_an_attempt_says_how_it_was_made() -> None:
    with scene(RULES) as here:
        body = {"model": "x(high)", "max_tokens": 9, "messages": [{"role": "user", "content": "a"}]}
        exchange = here.open("/v1/messages", body)
        pool = exchange.runtime.pool
        lease = pool.lease(pool.resolve("x(high)", 0.0), set(), 0.0)
        assert isinstance(lease, Lease)
        prepare(exchange, lease, here.memory)
        kept = plain(exchange)
        assert (kept["seed"], kept["now"]) == (exchange.asked.seed, exchange.asked.now)
        found = making.read(kept["attempts"][0]["making"])
        assert found is not None
        assert (found.aim.model, found.aim.provider, found.ruled) == ("gpt-x", "lab", True)
        assert found.reasoning is not None
        assert found.reasoning.effort == "high"
