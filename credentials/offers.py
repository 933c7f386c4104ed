"""What a credential has to offer: its models, and the names clients may call them by."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from credentials.model import Credential
from providers.catalog import Catalog, Model, Provider, pointed_at, renamed, traits_of
from providers.places import placed
from translators.dialect import Traits
from translators.model import Reasoning
from translators.thinking import split_suffix


@dataclass(frozen=True, slots=True)
class Offer:
    """A model of a credential.

    id: what clients call it, before any prefix. model: the upstream's name, without thinking suffix.
    reasoning: from a suffix of the configured name; it beats the client's. record: what lists show for `id`.
    others: more names that can be asked for and are not listed.
    """

    id: str
    model: str
    record: Model
    traits: Traits
    reasoning: Reasoning | None = None
    others: tuple[str, ...] = ()


def provider_of(credential: Credential, catalog: Catalog) -> Provider:
    """The provider as the credential reaches it: for its kind, its account, at its own address.

    Raises UnknownProvider, also for an account that lacks what an address needs.
    """
    provider = catalog.provider(credential.provider, credential.base_url, credential.dialect, credential.kind)
    return pointed_at(placed(provider, credential.facts), credential.base_url)


def offers_of(credential: Credential, provider: Provider, catalog: Catalog) -> list[Offer]:
    """The models of a credential: those it configures, and only those, else the provider's; without the excluded.

    Exclusions look at the name clients use, in any case. One name with several upstream models is a pool. The traits
    of a configured model are those of the catalogue's model of that name, if the provider has it.
    """
    excluded = _patterns(credential.excluded)
    found = _configured(credential, provider, catalog) if credential.models else _usual(provider, catalog)
    seen: set[tuple[str, str]] = set()
    offers = []
    for offer in found:
        mark = (offer.id.lower(), offer.model)
        if mark not in seen and not any(pattern.fullmatch(offer.id) for pattern in excluded):
            seen.add(mark)
            offers.append(offer)
    return offers


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
        yield Offer(identifier, name, record, traits_of(known), reasoning)


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
