"""Payload rules: what the config adds to, replaces in, or takes out of the bodies that go upstream.

    payload:
      default:                       # set where the request says nothing; the first rule wins
        - models: [{name: "gemini-*", protocol: gemini}]
          params: {"generationConfig.temperature": 0.3}
      default-raw / override / override-raw    # raw: the value is JSON text; override: always set, the last rule wins
      filter:                        # take out
        - models: [{name: "claude-*", headers: {user-agent: "*bot*"}, exist: [metadata]}]
          params: ["metadata.user_id"]

A rule applies if any of its `models` entries does: `name` (glob, case-sensitive) fits one of the candidates,
`protocol` is the upstream's dialect, `from-protocol` the client's, all `headers` fit the client's, every path of
`match` has that value and no path of `not-match` has it, every path of `exist` is there and none of `not-exist`
(null counts as absent). `model` and `stream` belong to the routing and are never changed.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import msgspec
from msgspec import Raw

from providers.paths import BadPath, Path, glob, places, plain, put, read_path, remove, same, values

type Stage = Literal["default", "override", "filter"]

_DIALECTS = {
    "openai": ("openai-chat",),
    "openai-chat": ("openai-chat",),
    "codex": ("openai-responses",),
    "openai-response": ("openai-responses",),
    "openai-responses": ("openai-responses",),
    "responses": ("openai-responses",),
    "gemini-cli": ("gemini",),
    "vertex": ("gemini",),
    "xai": ("openai-responses",),
}
"""What configs call the dialects → our names. A name that is not here means itself."""

_FIXED = ("model", "stream")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a rule's `models`."""

    name: re.Pattern[str]
    dialects: tuple[str, ...] = ()
    client_dialects: tuple[str, ...] = ()
    headers: tuple[tuple[str, re.Pattern[str]], ...] = ()
    match: tuple[tuple[Path, Any], ...] = ()
    not_match: tuple[tuple[Path, Any], ...] = ()
    exist: tuple[Path, ...] = ()
    not_exist: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """params: paths with the JSON to put there; b"" for a filter, which takes out."""

    stage: Stage
    entries: tuple[Entry, ...]
    params: tuple[tuple[Path, bytes], ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules in the order they apply. warnings: what of the config was left out, for people."""

    rules: tuple[Rule, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    def __bool__(self) -> bool:
        return bool(self.rules)


# --- reading the config ---------------------------------------------------------------------------------------------


class SaidValue(Protocol):
    """A path and the JSON text that goes with it, as the config has them."""

    @property
    def path(self) -> str: ...
    @property
    def value(self) -> bytes: ...


class SaidEntry(Protocol):
    """One of a rule's `models`."""

    @property
    def name(self) -> str: ...
    @property
    def protocol(self) -> str: ...
    @property
    def from_protocol(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def match(self) -> Sequence[SaidValue]: ...
    @property
    def not_match(self) -> Sequence[SaidValue]: ...
    @property
    def exist(self) -> Sequence[str]: ...
    @property
    def not_exist(self) -> Sequence[str]: ...


class SaidRule(Protocol):
    """A rule."""

    @property
    def models(self) -> Sequence[SaidEntry]: ...
    @property
    def params(self) -> Sequence[SaidValue]: ...


class SaidPayload(Protocol):
    """The `payload` block, its values already JSON text (raw or not makes no difference any more)."""

    @property
    def default(self) -> Sequence[SaidRule]: ...
    @property
    def default_raw(self) -> Sequence[SaidRule]: ...
    @property
    def override(self) -> Sequence[SaidRule]: ...
    @property
    def override_raw(self) -> Sequence[SaidRule]: ...
    @property
    def filter(self) -> Sequence[SaidRule]: ...


def read_rules(said: SaidPayload) -> Rules:
    """Make the config's rules ready: paths and patterns are read once. What cannot be meant is left out with a
    warning, as a rule for `model` or `stream` is.
    """
    stages: tuple[tuple[str, Stage, Sequence[SaidRule]], ...] = (
        ("default", "default", said.default),
        ("default-raw", "default", said.default_raw),
        ("override", "override", said.override),
        ("override-raw", "override", said.override_raw),
        ("filter", "filter", said.filter),
    )
    rules: list[Rule] = []
    warnings: list[str] = []
    for name, stage, given in stages:
        for number, rule in enumerate(given):
            at = f"payload.{name}[{number}]"
            try:
                ready = Rule(stage, tuple(map(_read_entry, rule.models)), _read_params(rule, stage, at, warnings))
            except BadPath as error:
                warnings.append(f"{at}.models: {error}; the rule is left out")
                continue
            if ready.params:
                rules.append(ready)
    return Rules(tuple(rules), tuple(warnings))


def _read_params(rule: SaidRule, stage: Stage, at: str, warnings: list[str]) -> tuple[tuple[Path, bytes], ...]:
    params: list[tuple[Path, bytes]] = []
    for param in rule.params:
        try:
            path = read_path(param.path)
            if stage != "filter":
                msgspec.json.decode(param.value)
        except BadPath as error:
            warnings.append(f"{at}.params: {error}; left out")
        except msgspec.DecodeError:
            warnings.append(f"{at}.params: the value of {param.path!r} is no JSON; left out")
        else:
            if path[0] in _FIXED:
                warnings.append(f"{at}.params: {param.path!r} is set by the routing; left out")
            else:
                params.append((path, b"" if stage == "filter" else param.value.strip()))
    return tuple(params)


def _read_entry(said: SaidEntry) -> Entry:
    return Entry(
        name=glob(said.name),
        dialects=_dialects(said.protocol),
        client_dialects=_dialects(said.from_protocol),
        headers=tuple((name.lower(), glob(value)) for name, value in said.headers.items()),
        match=_pairs(said.match),
        not_match=_pairs(said.not_match),
        exist=tuple(map(read_path, said.exist)),
        not_exist=tuple(map(read_path, said.not_exist)),
    )


def _dialects(protocol: str) -> tuple[str, ...]:
    name = protocol.strip().lower()
    return _DIALECTS.get(name, (name,)) if name else ()


def _pairs(said: Sequence[SaidValue]) -> tuple[tuple[Path, Any], ...]:
    return tuple((read_path(pair.path), msgspec.json.decode(pair.value)) for pair in said)


# --- applying -------------------------------------------------------------------------------------------------------


def apply(
    rules: Rules,
    body: bytes,
    dialect: str,
    candidates: Iterable[str],
    client_dialect: str = "",
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """The body after the rules; the very same bytes if none of them changes anything.

    dialect: the upstream's; of a variant, what configs mean by it. candidates: the names a rule may mean the model
    by: the upstream's, the client's without suffix, and the client's with it. headers: the client's. Whether a
    default applies, and every condition, is decided on the body as given. A path that a body has no place for is
    skipped. A body that is no JSON object is left alone.
    """
    names = tuple(dict.fromkeys(candidates))
    (dialect,) = _dialects(dialect) or ("",)
    if not any(entry.name.fullmatch(name) for rule in rules.rules for entry in rule.entries for name in names):
        return body
    asked = {name.lower(): value for name, value in (headers or {}).items()}
    given = Raw(body)
    try:
        msgspec.json.decode(body, type=dict[str, Raw])
    except msgspec.MsgspecError:
        return body
    result = given
    defaulted: set[tuple[str, ...]] = set()
    for rule in rules.rules:
        if any(_applies(entry, given, dialect, names, client_dialect, asked) for entry in rule.entries):
            result = _follow(rule, given, result, defaulted)
    return body if result is given else bytes(result)


def _applies(
    entry: Entry, body: Raw, dialect: str, names: tuple[str, ...], client: str, headers: Mapping[str, str]
) -> bool:
    return (
        any(entry.name.fullmatch(name) for name in names)
        and (not entry.dialects or dialect in entry.dialects)
        and (not entry.client_dialects or client in entry.client_dialects)
        and all(pattern.fullmatch(headers.get(name, "")) for name, pattern in entry.headers)
        and all(any(same(plain(value), wanted) for value in values(body, path)) for path, wanted in entry.match)
        and not any(any(same(plain(value), wanted) for value in values(body, path)) for path, wanted in entry.not_match)
        and all(_there(body, path) for path in entry.exist)
        and not any(_there(body, path) for path in entry.not_exist)
    )


def _there(body: Raw, path: Path) -> bool:
    return any(bytes(value).strip() != b"null" for value in values(body, path))


def _follow(rule: Rule, given: Raw, body: Raw, defaulted: set[tuple[str, ...]]) -> Raw:
    for path, value in rule.params:
        # From the end, so that taking out one element does not move the others.
        for place in reversed(places(body, path)):
            if rule.stage == "filter":
                body = remove(body, place)
                continue
            if rule.stage == "default":
                if place in defaulted or any(True for _ in values(given, place)):
                    continue
                defaulted.add(place)
            elif any(same(plain(found), plain(Raw(value))) for found in values(body, place)):
                continue  # an identical value keeps its own spelling
            try:
                body = put(body, place, value)
            except BadPath:
                continue  # a scalar stands in the way in this body: that path is skipped, the others are not
    return body
