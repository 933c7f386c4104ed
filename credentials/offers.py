"""What a credential has to offer: its models, and the names clients may call them by."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec

from credentials.model import Credential, ModelAlias, ModelEntry
from providers.catalog import Catalog, Model, Provider, Thinking, pointed_at, renamed, traits_of
from providers.places import placed
from translators.dialect import Traits
from translators.model import Reasoning
from translators.thinking import split_suffix


@dataclass(frozen=True, slots=True)
class Offer:
    """A model of a credential.

    id: what clients call it, before any prefix. model: the upstream's name, without thinking suffix.
    reasoning: from a suffix of the configured name; it beats the client's. record: what lists show for `id`.
    others: more names that can be asked for and are not listed. mapped: answers name it as the client does.
    """

    id: str
    model: str
    record: Model
    traits: Traits
    reasoning: Reasoning | None = None
    others: tuple[str, ...] = ()
    mapped: bool = False


def provider_of(credential: Credential, catalog: Catalog) -> Provider:
    """The provider as the credential reaches it: for its kind, its account, at its own address.

    Raises UnknownProvider, also for an account that lacks what an address needs.
    """
    provider = catalog.provider(credential.provider, credential.base_url, credential.dialect, credential.kind)
    return pointed_at(placed(provider, credential.facts), credential.base_url)


def offers_of(credential: Credential, provider: Provider, catalog: Catalog) -> list[Offer]:
    """The models of a credential: those it configures, and only those, else the provider's; without the excluded.

    Exclusions look at the names clients use, each for itself, in any case. One name with several upstream models is a
    pool. The traits of a configured model are those of the catalogue's model of that name, if the provider has it.
    Aliases of a log-in come after the exclusions, which mean the models' own names.
    """
    excluded = _patterns(credential.excluded)
    found = _configured(credential, provider, catalog) if credential.models else _usual(provider, catalog)
    seen: set[tuple[str, str]] = set()
    offers = []
    for offer in found:
        mark = (offer.id.lower(), offer.model)
        if mark not in seen and not _any(excluded, offer.id):
            seen.add(mark)
            others = tuple(name for name in offer.others if not _any(excluded, name))
            offers.append(offer if others == offer.others else replace(offer, others=others))
    return offers if credential.models or not credential.aliases else _aliased(offers, credential.aliases)


def _aliased(offers: Sequence[Offer], aliases: Iterable[ModelAlias]) -> list[Offer]:
    """Each model under its aliases instead of its name, or beside it with `fork`. An alias that is taken says nothing;
    a model whose aliases are all taken keeps its name.
    """
    wanted: dict[str, list[tuple[ModelAlias, Reasoning | None]]] = {}
    for alias in aliases:
        name, reasoning = split_suffix(alias.name)
        wanted.setdefault(name.lower(), []).append((alias, reasoning))
    taken = {offer.id.lower() for offer in offers}
    found = []
    for offer in offers:
        named = []
        entries = [entry for name in (offer.id, *offer.others) for entry in wanted.get(name.lower(), ())]
        for alias, reasoning in entries:
            if alias.alias.lower() not in taken:
                taken.add(alias.alias.lower())
                named.append(_as(offer, alias, reasoning))
        keeps = not named or any(alias.fork for alias, _ in entries)
        found += [offer, *named] if keeps else named
    return found


def _as(offer: Offer, alias: ModelAlias, reasoning: Reasoning | None) -> Offer:
    record = renamed(offer.record, alias.alias)
    if alias.display_name:
        record = msgspec.structs.replace(record, display_name=alias.display_name)
    return replace(offer, id=alias.alias, record=record, reasoning=reasoning, others=(), mapped=alias.force_mapping)


def _any(patterns: Sequence[re.Pattern[str]], name: str) -> bool:
    return any(pattern.fullmatch(name) for pattern in patterns)


def _patterns(excluded: Sequence[str]) -> list[re.Pattern[str]]:
    """`*` stands for any run of characters, nothing else is special."""
    return [re.compile(".*".join(map(re.escape, text.split("*"))), re.IGNORECASE | re.DOTALL) for text in excluded]


def _usual(provider: Provider, catalog: Catalog) -> Iterator[Offer]:
    for model in catalog.models(provider):
        yield Offer(model.id, model.id, model, catalog.traits(provider, model.id), others=model.aliases)


def _configured(credential: Credential, provider: Provider, catalog: Catalog) -> Iterator[Offer]:
    for entry in credential.models:
        name, reasoning = split_suffix(entry.name)
        if reasoning is None:
            name = entry.name  # brackets that are no thinking suffix belong to the name
        known = catalog.find(provider, name)
        identifier = entry.alias or name
        if known is not None:
            record = renamed(known, identifier)
        else:
            kind = provider.key if provider.key in catalog.providers else "openai-compatibility"
            record = Model(id=identifier, owned_by=provider.owner, type=kind, display_name=identifier)
        described = _described(record, entry)
        traits = traits_of(known) if described is record else _traits(known, described)
        yield Offer(identifier, name, described, traits, reasoning, mapped=entry.force_mapping)


def _described(record: Model, entry: ModelEntry) -> Model:
    """The record with what the configuration says of the model."""
    said: dict[str, object] = {}
    if entry.display_name:
        said["display_name"] = entry.display_name
    if entry.context:
        said |= {"context_length": entry.context, "input_limit": entry.context if record.input_limit else 0}
    if entry.inputs:
        said["inputs"] = entry.inputs
    if entry.outputs:
        said["outputs"] = entry.outputs
    if entry.levels is not None:
        levels = tuple(level.lower() for level in entry.levels)
        said["thinking"] = Thinking(zero_allowed="none" in levels, dynamic_allowed="auto" in levels, levels=levels)
    return msgspec.structs.replace(record, **said) if said else record


def _traits(known: Model | None, described: Model) -> Traits:
    """What a writer must know of a configured model. One that nobody knows but for its levels is held to these."""
    said = traits_of(described)
    if known is not None or described.thinking is not None:
        return said
    return msgspec.structs.replace(traits_of(None), context=said.context)


def names_of(offer: Offer, prefix: str, forced: bool) -> Iterator[tuple[str, bool]]:
    """The names of an offer, each with whether lists show it.

    With a prefix both `model` and `prefix/model`; forced: only the latter, except for a model that is called as the
    prefix is.
    """
    for name, listed in ((offer.id, True), *((other, False) for other in offer.others)):
        if not prefix or not forced or name == prefix:
            yield name, listed
        if prefix and name != prefix:
            yield f"{prefix}/{name}", listed
