"""Nothing is lost in silence: every leaf of every request a client can make is upstream, or in the ledger.

The requests are generated (maximal.py). A leaf is conserved if its sentinel stands in the upstream's request, or a
loss names its path or one above it. A word or a switch has no sentinel: changing it must change the upstream's
request, unless a loss or a rule names it.
"""

import functools
import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.translators.maximal import Leaf, Made, above, changed, leaves, needles, nodes, requests, written
from tests.translators.maximal_shapes import ROOTS
from translators import exchange
from translators.claude import wire as claude
from translators.dialect import Aim, Outgoing, Traits
from translators.errors import TranslationError
from translators.gemini import wire as gemini
from translators.losses import Ledger
from translators.openai_chat import wire as openai_chat
from translators.openai_responses import wire as openai_responses
from translators.registry import DIALECTS

UPSTREAMS = ("claude", "gemini", "openai-chat", "openai-responses")
PAIRS = [(client, upstream) for client in ROOTS for upstream in UPSTREAMS if client != upstream]

ANSWERED_HERE = frozenset({"$.stream", "$.model", "$.stream_options.include_usage", "$.echo"})
"""Leaves that no upstream must be told: the name that is looked up, and the form of the answer."""

REPLACED = frozenset({"max-output", "thinking", "tools-filtered"})
"""Rules that put something else in a value's place; under every other rule it is still there."""

TAGS = frozenset({"type", "role", "mimeType", "index"})
"""Members that tell what an object is or where it belongs, not what it says."""

DEFAULTS = frozenset(
    {
        ("n", 1),
        ("tool_choice", "auto"),
        ("tool_choice.mode", "auto"),
        ("service_tier", "auto"),
        ("prompt_cache_options.mode", "explicit"),  # beside breakpoints
        ("defer_loading", False),
        ("status", "completed"),
        ("toolConfig.functionCallingConfig.mode", "AUTO"),
        ("generationConfig.responseMimeType", "application/json"),  # beside a schema
        ("generationConfig.responseMimeType", "text/plain"),
        ("generationConfig.responseModalities[0]", "TEXT"),
    }
)
"""Words that mean what it means to say nothing, by the end of their path."""


@functools.cache
def requests_of(client: str, upstream: str = "") -> tuple[list[Made], frozenset[tuple[str, str]]]:
    """The requests of a dialect, without what this upstream refuses always, and the fields they have between them."""
    made: set[tuple[str, str]] = set()
    root, shapes = ROOTS[client]
    found = [Made(name, without(body, upstream)) for name, body in requests(root, shapes, made)]
    return found, frozenset(made)


def without(value: Any, upstream: str) -> Any:
    """The tree without what is refused with 400, strict or not (test_semantic_losses.py): it cannot be lost."""
    deaf = upstream in ("claude", "openai-responses")  # nor do they give several answers
    if isinstance(value, list):
        return [without(each, upstream) for each in value if not (upstream and refused(each, deaf))]
    if not isinstance(value, dict):
        return value
    several = ("n", "candidateCount", "best_of") if deaf else ()
    return {key: without(each, upstream) for key, each in value.items() if key not in several}


def refused(part: Any, deaf: bool) -> bool:
    """Sound for who cannot hear; an item that stands at a vendor."""
    if not isinstance(part, dict):
        return False
    sound = part.get("type") == "input_audio" or part.get("inlineData", {}).get("mimeType", "").startswith("audio/")
    return (sound and deaf) or part.get("type") == "item_reference"


def aims(upstream: str) -> Iterator[Aim]:
    """The vendor itself, a host that is only compatible with it, and a model that is known to take little."""
    vendor = DIALECTS[upstream].vendor
    yield Aim(model="up", provider="p", vendor=vendor, stream=False)
    yield Aim(model="up", provider="p", vendor="host", stream=False, official=False)
    poor = Traits(known=True, sampling=False, prefill=False, max_output=4096)
    yield Aim(model="up", provider="p", vendor=vendor, stream=False, traits=poor)


def tries(client: str, upstream: str, config: pytest.Config) -> Iterator[tuple[Aim, list[Made]]]:
    """Every request goes to the vendor itself; to the others the base and every third go, or all with `--all`."""
    every = requests_of(client, upstream)[0]
    for number, aim in enumerate(aims(upstream)):
        yield aim, every if number == 0 or config.getoption("--all") else [every[0], *every[number::3]]


def translate(body: dict[str, object], client: str, upstream: str, aim: Aim) -> tuple[str, Ledger]:
    """The upstream's request as text, and the ledger."""
    sent = msgspec.json.encode(body)
    ledger = Ledger()
    request = DIALECTS[client].read_request(sent, "m", False, ledger)
    outgoing: Outgoing = exchange.write(request, sent, DIALECTS[client], DIALECTS[upstream], aim, ledger)
    return written(outgoing.body, outgoing.headers) + "\n".join(outgoing.stops), ledger  # the answer is cut at those


def silent(made: Made, client: str, upstream: str, aim: Aim, tried: set[tuple[str, object]]) -> Iterator[str]:
    """The leaves that are nowhere. `tried`: words and switches that an earlier request has had in the same place."""
    said, ledger = translate(made.body, client, upstream, aim)
    lost = {loss.path for loss in ledger.losses}
    ruled = {rule.path for rule in ledger.applied}
    lost |= {rule.path for rule in ledger.applied if rule.rule in REPLACED}
    for leaf in leaves(made.body):
        wanted = needles(leaf.value)
        if _needs_nothing(leaf) or not (lost if wanted else lost | ruled).isdisjoint(above(leaf.at)):
            continue
        if wanted and not all(needle in said for needle in wanted):
            yield f"{leaf.at} = {leaf.value!r}"
        elif (
            not wanted and (leaf.at, leaf.value) not in tried and _indifferent(made, leaf, said, client, upstream, aim)
        ):
            yield f"{leaf.at} = {leaf.value!r} changes nothing"
        if not wanted:
            tried.add((leaf.at, leaf.value))


def _needs_nothing(leaf: Leaf) -> bool:
    if leaf.at in ANSWERED_HERE or leaf.way[-1] in TAGS or leaf.at.endswith("prompt_cache_breakpoint.mode"):
        return True
    return any(leaf.at.endswith(f".{end}") and leaf.value == said for end, said in DEFAULTS)


def _indifferent(made: Made, leaf: Leaf, said: str, client: str, upstream: str, aim: Aim) -> bool:
    try:
        other, ledger = translate(changed(made.body, leaf), client, upstream, aim)
    except TranslationError:
        return False  # the client cannot leave it out
    told = {loss.path for loss in ledger.losses} | {rule.path for rule in ledger.applied}
    return other == said and told.isdisjoint(above(leaf.at))


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_nothing_is_lost_in_silence(client: str, upstream: str, pytestconfig: pytest.Config) -> None:
    found: dict[str, str] = {}
    for aim, tried_with in tries(client, upstream, pytestconfig):
        tried: set[tuple[str, object]] = set()
        for made in tried_with:
            for leaf in silent(made, client, upstream, aim, tried):
                found.setdefault(leaf, f"{made.name}, {aim.vendor}")
    assert not found, "\n".join(f"{leaf}   ({where})" for leaf, where in found.items())


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_the_ledger_names_places_of_the_body(client: str, upstream: str, pytestconfig: pytest.Config) -> None:
    wrong: set[str] = set()
    for aim, tried_with in tries(client, upstream, pytestconfig):
        for made in tried_with:
            places = set(nodes(made.body))
            _, ledger = translate(made.body, client, upstream, aim)
            wrong |= {f"{loss.path!r}: {loss.reason}" for loss in ledger.losses if loss.path not in places}
            wrong |= {f"{rule.path!r}: {rule.rule}" for rule in ledger.applied if rule.path not in places}
    assert not wrong, "\n".join(sorted(wrong))


# --- fields nobody knows --------------------------------------------------------------------------------------------


def with_unknown(value: Any, count: Iterator[int]) -> Any:
    """The tree with a member that nobody knows in every object."""
    if isinstance(value, dict):
        told = {key: with_unknown(each, count) for key, each in value.items()}
        if "properties" in value:  # what stands in there are names
            told["properties"] = {key: with_unknown(each, count) for key, each in value["properties"].items()}
        return told | {"x_unknown": f"q{next(count)}z"}
    return [with_unknown(each, count) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_what_nobody_knows_is_told_with_its_path(client: str, upstream: str) -> None:
    found: dict[str, str] = {}
    for number, made in enumerate(requests_of(client, upstream)[0]):
        body = with_unknown(made.body, itertools.count(5000))
        if number % 2:  # a root that fits must not hide what is inside
            del body["x_unknown"]
        said, ledger = translate(body, client, upstream, next(aims(upstream)))
        lost = {loss.path for loss in ledger.losses} | {rule.path for rule in ledger.applied if rule.rule in REPLACED}
        for leaf in leaves(body):
            if leaf.way[-1] == "x_unknown" and leaf.value not in said and lost.isdisjoint(above(leaf.at)):
                found.setdefault(leaf.at, made.name)
    assert not found, "\n".join(f"{leaf}   ({where})" for leaf, where in found.items())


@pytest.mark.parametrize("name", sorted(ROOTS))
def test_the_same_dialect_passes_every_byte(name: str) -> None:
    """Unknown fields, digits, order, white space: only the model's name is another one."""
    dialect = DIALECTS[name]
    for made in requests_of(name)[0]:
        body = msgspec.json.format(msgspec.json.encode(with_unknown(made.body, itertools.count(5000))), indent=3)
        aim = Aim(model="up", provider="p", vendor=dialect.vendor, stream=False)
        outgoing = exchange.write(None, body, dialect, dialect, aim, Ledger())
        model = made.body.get("model")
        if model is None:
            assert outgoing.body == body
        else:
            told = msgspec.json.encode(model)
            assert outgoing.body == body.replace(b'\n   "model": ' + told, b'\n   "model": "up"')


# --- nothing is missing from the requests ---------------------------------------------------------------------------


WIRES = {"claude": claude, "openai-chat": openai_chat, "openai-responses": openai_responses, "gemini": gemini}

NOT_OF_REQUESTS = {
    "claude": (
        "Markable AnyBlock AnyTool CacheCreation OutputDetails ServerToolUse Usage StopDetails Answer AnswerBlock "
        "TextDelta InputJsonDelta ThinkingDelta SignatureDelta CitationsDelta CompactionDelta MessageStart BlockStart "
        "BlockDelta MessageDeltaBody MessageDelta BlockStop MessageStop Ping ErrorEvent "
        "MessagesRequest.thread"  # refused
    ),
    "openai-chat": "Call.index RawBody _RawMessage",
    "openai-responses": (
        "Tag Body.previous_response_id Body.conversation Body.background "  # refused elsewhere
        "FunctionCall.namespace CustomCall.namespace Annotation.file_id Annotation.filename"
    ),
    "gemini": (
        "PartialArg FunctionCall.partialArgs FunctionCall.willContinue Part.* Tool.* GenerateRequest.model "
        "GenerateRequest.cachedContent GenerateRequest.generateContentRequest Web GroundingChunk Segment "
        "GroundingSupport GroundingMetadata CitationSource CitationMetadata LogprobsToken LogprobsStep LogprobsResult "
        "Candidate PromptFeedback ModalityTokens UsageMetadata Error Chunk"
    ),
}
"""Nouns and fields of a wire module that no generated request has: those of answers, and what another test is for."""


@pytest.mark.parametrize("name", sorted(WIRES))
def test_the_requests_have_every_field_of_the_wire(name: str) -> None:
    """A new field or block must find its way into the requests above, or be said to be none of theirs."""
    made, passed = requests_of(name)[1], set(NOT_OF_REQUESTS[name].split())
    missing = [
        f"{noun}.{field}"
        for noun, cls in vars(WIRES[name]).items()
        if isinstance(cls, type) and issubclass(cls, msgspec.Struct) and noun not in passed
        for field in cls.__struct_encode_fields__
        if (cls.__name__, field) not in made and f"{noun}.{field}" not in passed
    ]
    assert not missing, missing
