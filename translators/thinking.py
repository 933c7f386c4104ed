"""How much to think: levels and budgets, and what a model accepts of them.

One table and one rule for all dialects. Level ⇄ budget is the conversion of the most widely deployed gateways and of
Google's own
OpenAI-compatible endpoint (read August 2026); level → budget → level is the identity.
"""

from msgspec.structs import replace

from translators.dialect import Levels, Traits
from translators.losses import Ledger
from translators.model import Reasoning

LEVELS = ("minimal", "low", "medium", "high", "xhigh", "max")
BUDGETS = {"minimal": 512, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 32768, "max": 128000}

_DIGITS = 18
"""Of a budget in a suffix: more is no number of tokens."""


def budget_of(effort: str) -> int:
    """Tokens for a level (0 for none, −1 for auto)."""
    return {"none": 0, "auto": -1}.get(effort) if effort in ("none", "auto") else BUDGETS[effort]  # type: ignore[return-value]


def effort_of(budget: int) -> str:
    """The level a budget amounts to."""
    if budget == 0:
        return "none"
    if budget < 0:
        return "auto"
    return next((name for name in LEVELS[:-1] if budget <= BUDGETS[name]), "max")


def split_suffix(model: str) -> tuple[str, Reasoning | None]:
    """Take a thinking suffix off a model name: `m(high)`, `m(8192)`, `m(none)`, `m(auto)`.

    An unknown value in the last brackets is cut off too and means nothing.
    """
    base, bracket, value = model.rpartition("(")
    if not bracket or not value.endswith(")"):
        return model, None
    value = value[:-1].lower()
    if value == "none":
        return base, Reasoning(mode="off")
    if value in ("auto", "-1"):
        return base, Reasoning(mode="auto")
    if value in BUDGETS:
        return base, Reasoning(mode="effort", effort=value)
    if value.isascii() and value.isdigit() and len(value) <= _DIGITS:
        tokens = int(value)
        return base, Reasoning(mode="budget", budget=tokens) if tokens else Reasoning(mode="off")
    return base, None


def nearest(effort: str, names: tuple[str, ...]) -> str:
    """The supported level nearest to `effort`; the lower one of two equally near."""
    if effort in names or effort not in LEVELS:
        return effort
    known = [name for name in LEVELS if name in names]
    place = LEVELS.index(effort)
    return min(known, key=lambda name: (abs(LEVELS.index(name) - place), LEVELS.index(name))) if known else effort


def settle(wanted: Reasoning | None, traits: Traits, ledger: Ledger, path: str, shown_at: str = "") -> Reasoning | None:
    """What of `wanted` a model can do. `path` is where it stood in the client's body, `shown_at` where `show` did.

    A model nobody knows gets it as it is. A model without reasoning control gets none, and the ledger a loss.
    Levels become budgets or
    the nearest supported level, budgets are clamped, each as the rule `thinking`. An explicit wish for thinking
    never becomes “off”.
    """
    if wanted is None or not traits.known:
        return wanted
    levels = traits.thinking
    if levels is None:
        if wanted.mode != "off":
            ledger.lose(path, "the model has no reasoning control")
        else:
            ledger.apply("thinking", path, "off")
        if wanted.show is not None and shown_at:
            ledger.lose(shown_at, "the model has no reasoning control")
        return None
    settled = _settle(wanted, levels, adaptive=traits.adaptive)
    if settled != wanted:
        ledger.apply("thinking", path, _say(settled))
    return settled


def _settle(wanted: Reasoning, levels: Levels, *, adaptive: bool) -> Reasoning:
    ranged = levels.maximum > 0
    match wanted.mode:
        case "off":
            if levels.zero or "none" in levels.names:
                return wanted
            if levels.names:
                return replace(wanted, mode="effort", effort=levels.names[0])
            return replace(wanted, mode="budget", budget=levels.minimum)
        case "auto":
            if levels.dynamic or wanted.adaptive or adaptive:
                return wanted
            if levels.names:
                return replace(wanted, mode="effort", effort=nearest("medium", levels.names))
            return replace(wanted, mode="budget", budget=(levels.minimum + levels.maximum) // 2)
        case "effort":
            if levels.names:
                return replace(wanted, effort=nearest(wanted.effort, levels.names))
            budget = BUDGETS.get(wanted.effort, BUDGETS["medium"])
            return replace(wanted, mode="budget", effort="", budget=_clamp(budget, levels))
        case "budget":
            if ranged:
                return replace(wanted, budget=_clamp(wanted.budget, levels))
            effort = nearest(effort_of(wanted.budget), levels.names)
            return replace(wanted, mode="effort", effort=effort, budget=0)


def _clamp(budget: int, levels: Levels) -> int:
    return max(levels.minimum, min(budget, levels.maximum or budget))


def _say(settled: Reasoning) -> str:
    return {"effort": settled.effort, "budget": f"{settled.budget} tokens"}.get(settled.mode, settled.mode)
