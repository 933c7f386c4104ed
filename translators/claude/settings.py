"""How much to think, how long to answer, how to sample: what these settings say together on this wire."""

from collections.abc import Sequence
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from translators import thinking
from translators.claude import wire
from translators.claude.words import NAME, VENDOR
from translators.dialect import Aim
from translators.losses import Ledger
from translators.model import Reasoning, Request
from translators.thinking import BUDGETS

UNKNOWN_LIMIT = 32_000
"""max_tokens for a model whose limit nobody knows; the field is mandatory."""
UNSTREAMED_LIMIT = 21_333
"""max_tokens an unstreamed answer is allowed by default: more would take over ten minutes at the vendor's reckoning."""
SMALLEST_BUDGET = 1024

_EFFORTS = ("low", "medium", "high", "xhigh", "max")


class Effort(Struct):
    """What `write_thinking` gives: the two wire fields, and the limit they were fitted to."""

    max_tokens: int
    thinking: wire.Thinking | None = None
    effort: str | None = None

    @property
    def on(self) -> bool:
        """Whether the model thinks because of these fields."""
        return self.thinking is not None and self.thinking.type != "disabled"


def write_thinking(request: Request, aim: Aim, ledger: Ledger) -> Effort:
    """Fit thinking and max_tokens to the model and to each other.

    A budget must be at least 1024 and smaller than max_tokens; a limit the client gave includes thinking in every
    dialect, so the budget shrinks to three quarters of it, or thinking is left out (rule `thinking`).
    """
    at = request.at.get("reasoning", "")
    limit = _limit(request, aim, ledger)
    wanted = request.reasoning
    if wanted is None or wanted.mode != "off" or not _can_be_off(aim):
        wanted = thinking.settle(wanted, aim.traits, ledger, at, request.at.get("reasoning.show", ""))
    if wanted is None:
        return Effort(limit)
    display = _display(wanted, aim, ledger, request.at.get("reasoning.show", at))
    effort = _effort(wanted.effort, aim, ledger, at)
    if wanted.mode == "off" or wanted.effort == "none":
        return Effort(limit, wire.Thinking(type="disabled"), effort)
    adaptive = aim.traits.adaptive if aim.traits.known else wanted.adaptive or (aim.official and not wanted.budget)
    if adaptive and not (wanted.mode == "budget" and _takes_budgets(aim)):
        if wanted.mode == "budget":
            effort = _effort(thinking.effort_of(wanted.budget), aim, ledger, at)
            ledger.apply("thinking", at, effort or "adaptive")
        return Effort(limit, wire.Thinking(type="adaptive", display=display), effort)
    budget = wanted.budget if wanted.mode == "budget" else BUDGETS.get(wanted.effort, BUDGETS["medium"])
    return _budgeted(budget, limit, request, aim, ledger, display)


def _can_be_off(aim: Aim) -> bool:
    """Thinking on a budget is off unless asked for; only adaptive models may be unable to do without."""
    levels = aim.traits.thinking
    return levels is not None and (levels.zero or not aim.traits.adaptive)


def _takes_budgets(aim: Aim) -> bool:
    """Opus and Sonnet 4.6 still take a budget beside levels; newer models refuse it."""
    return aim.traits.known and aim.traits.thinking is not None and aim.traits.thinking.maximum > 0


def _budgeted(budget: int, limit: int, request: Request, aim: Aim, ledger: Ledger, display: str | None) -> Effort:
    at = request.at.get("reasoning", "")
    fitted = max(budget, SMALLEST_BUDGET)
    # Claude's own clients know that both share the limit; for others a quarter of theirs is left for the answer.
    if fitted >= limit or (request.dialect != NAME and request.max_output is not None and fitted > limit * 3 // 4):
        if request.max_output is None and not aim.traits.max_output:
            limit = fitted + UNKNOWN_LIMIT
        else:
            fitted = limit * 3 // 4
    if fitted < SMALLEST_BUDGET:
        ledger.apply("thinking", at, "off")
        return Effort(limit)
    if fitted != budget:
        ledger.apply("thinking", at, f"{fitted} tokens")
    return Effort(limit, wire.Thinking(type="enabled", budget_tokens=fitted, display=display))


def _limit(request: Request, aim: Aim, ledger: Ledger) -> int:
    highest = aim.traits.max_output
    if request.max_output is None:
        limit = highest or UNKNOWN_LIMIT
        return limit if aim.stream else min(limit, UNSTREAMED_LIMIT)
    if highest and request.max_output > highest:
        ledger.apply("max-output", request.at.get("max_output", ""), str(highest))
        return highest
    return request.max_output


def _effort(effort: str, aim: Aim, ledger: Ledger, at: str) -> str | None:
    """The nearest level of this wire that the model has."""
    if not effort or effort in ("none", "auto"):
        return None
    known = tuple(name for name in aim.traits.thinking.names if name in _EFFORTS) if aim.traits.thinking else ()
    if aim.traits.known and not known:
        return None  # a model that takes budgets only
    said = thinking.nearest(effort, known or _EFFORTS)
    if said != effort:
        ledger.apply("thinking", at, said)
    return said


def _display(wanted: Reasoning, aim: Aim, ledger: Ledger, at: str) -> str | None:
    """Whether the thinking is to be seen; compatible hosts do not know the field."""
    if wanted.show is None:
        return None
    if aim.traits.known and not aim.traits.adaptive:  # models up to 4.5 show a summary always
        if wanted.show == "none":
            ledger.lose(at, "display of thinking")
        return None
    if aim.vendor != VENDOR:
        ledger.lose(at, "display of thinking")
        return None
    said = "omitted" if wanted.show == "none" else "summarized"
    ledger.apply("thinking-shown", at, said)
    return said


def settle_conflicts(
    effort: Effort, choice: wire.ToolChoice | None, prefill: bool, request: Request, aim: Aim, ledger: Ledger
) -> tuple[Effort, wire.ToolChoice | None]:
    """Thinking excludes a forced tool, and a beginning of the answer.

    Thinking the client asked for by name stays, and the tool is no longer forced (a loss); thinking that only follows
    from a level gives way, if the model can do without.
    """
    forced = choice is not None and choice.type in ("any", "tool")
    if not effort.on or not (forced or prefill):
        return effort, choice
    levels = aim.traits.thinking
    always = (
        aim.traits.known and levels is not None and not (levels.zero or "none" in levels.names) and not levels.maximum
    )
    asked = request.reasoning is not None and (request.reasoning.mode == "budget" or request.reasoning.adaptive)
    if forced and choice is not None and (asked or always):
        ledger.lose(request.at.get("tool_choice", ""), "a forced tool excludes thinking", semantic=True)
        return effort, replace(choice, type="auto", name=None)
    ledger.apply("thinking", request.at.get("reasoning", ""), "off")
    return replace(effort, thinking=None, effort=None), choice


def write_sampling(request: Request, effort: Effort, aim: Aim, ledger: Ledger) -> dict[str, int | float]:
    """temperature, top_p, top_k as far as the model takes them.

    Losses: all of them where the model takes none; top_p beside temperature; what thinking excludes (a temperature
    other than 1, a top_p under 0.95, top_k).
    """
    sampling = request.sampling
    said: dict[str, int | float] = {}
    for name in ("temperature", "top_p", "top_k"):
        value = getattr(sampling, name)
        at = request.at.get(f"sampling.{name}", "")
        if value is None:
            continue
        if not aim.traits.sampling:
            ledger.lose(at, f"the model takes no {name}")
        elif name == "top_p" and "temperature" in said and aim.vendor == VENDOR:
            ledger.lose(at, "top_p is refused beside temperature")
        elif effort.on and not _beside_thinking(name, value):
            ledger.lose(at, f"{name} is refused beside thinking")
        elif name == "temperature" and value > 1:
            ledger.apply("temperature", at, "1")
            said[name] = 1
        else:
            said[name] = value
    return said


class _Message(Protocol):
    role: str
    content: list[Any]


def settle_open_turn(
    effort: Effort, messages: Sequence[_Message], request: Request, aim: Aim, ledger: Ledger
) -> Effort:
    """Thinking on a budget is refused beside an open tool turn that has lost its own: it is off for this request."""
    if effort.thinking is None or effort.thinking.type != "enabled" or aim.vendor != VENDOR:
        return effort
    called = False
    for message in reversed(messages):
        tags = {type(block) for block in message.content}
        if tags & {wire.ThinkingBlock, wire.RedactedThinkingBlock}:
            return effort
        if message.role == "user" and wire.ToolResultBlock not in tags:
            break
        called = called or message.role == "assistant"
    if not called:
        return effort
    ledger.apply("thinking", request.at.get("reasoning", ""), "off")
    return replace(effort, thinking=None, effort=None)


def _beside_thinking(name: str, value: float) -> bool:
    return (name == "temperature" and value == 1) or (name == "top_p" and value >= 0.95)
