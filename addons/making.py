"""How an attempt's request was made of the client's, as far as neither shows it: what it takes to make it once more."""

from dataclasses import dataclass
from typing import Any

import msgspec

from translators.dialect import Aim, Traits
from translators.model import Reasoning


@dataclass(frozen=True, slots=True)
class Making:
    """aim: where it went. reasoning: what the model's name or the config said of thinking. unsealed: which reasoning
    was taken out because the upstream had refused it. ruled: the config's payload rules changed the body. renamed: the
    answer names the model as the client did. steps, refusals: what the provider wants beyond its dialect, by name.
    """

    aim: Aim
    reasoning: Reasoning | None = None
    unsealed: str = ""
    ruled: bool = False
    renamed: bool = False
    steps: tuple[str, ...] = ()
    refusals: str = ""


def plain(making: Making | None) -> dict[str, Any]:
    """As data that mitmproxy can save; only what is not the usual."""
    if making is None:
        return {}
    aim = making.aim
    said: dict[str, Any] = {name: getattr(aim, name) for name in _AIM if getattr(aim, name)}
    said |= {name: getattr(making, name) for name in _FLAGS if getattr(making, name)}
    if making.steps:
        said["steps"] = list(making.steps)
    if aim.traits != _USUAL:
        said["traits"] = msgspec.to_builtins(aim.traits)
    if making.reasoning is not None:
        said["reasoning"] = msgspec.to_builtins(making.reasoning)
    return said | {"official": aim.official}


_AIM = ("model", "provider", "vendor", "stream", "account", "tool_name")
_FLAGS = ("unsealed", "ruled", "renamed", "refusals")
_USUAL = Traits()


class _Said(msgspec.Struct):
    model: str = ""
    provider: str = ""
    vendor: str = ""
    stream: bool = False
    account: str = ""
    tool_name: int = 0
    official: bool = True
    traits: Traits = Traits()
    reasoning: Reasoning | None = None
    unsealed: str = ""
    ruled: bool = False
    renamed: bool = False
    steps: tuple[str, ...] = ()
    refusals: str = ""


def read(said: Any) -> Making | None:
    """What `plain` wrote; None if there is nothing, or something else."""
    try:
        found = msgspec.convert(said, _Said)
    except msgspec.ValidationError:
        return None
    if not found.model:
        return None
    aim = Aim(
        model=found.model,
        provider=found.provider,
        vendor=found.vendor,
        stream=found.stream,
        traits=found.traits,
        official=found.official,
        account=found.account,
        tool_name=found.tool_name,
    )
    return Making(aim, found.reasoning, found.unsealed, found.ruled, found.renamed, found.steps, found.refusals)
