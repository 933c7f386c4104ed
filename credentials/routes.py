"""The pool's tables: who is a member, which entries stand behind which name, and what lists show."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from credentials.cooldown import Entry, Rest, Tier
from credentials.lease import Listing, PoolSettings, Resolution, Row, UnknownModel
from credentials.model import Credential
from credentials.offers import Offer, names_of, offers_of, provider_of
from providers.catalog import Catalog, Model, UnknownProvider, renamed
from translators.thinking import split_suffix

_LONGEST_NAME = 200  # a longer one is no slip of the pen, and comparing would take long


@dataclass(slots=True)
class Member:
    """A credential of the pool and what became of its uses. idle: why nobody can be served with it, "" if that is not
    so (or it is disabled).
    """

    credential: Credential
    whole: Rest
    entries: list[Entry] = field(default_factory=list)
    idle: str = ""
    succeeded: int = 0
    failed: int = 0


@dataclass(slots=True)
class Route:
    """Everything behind one name. tiers: by priority, the highest first. record: what lists show.

    mapped: keys of the entries whose answers shall name the model as the client does.
    """

    tiers: list[Tier]
    entries: list[Entry]
    record: Model
    listed: bool
    mapped: frozenset[str] = frozenset()
    owned: dict[str, list[Entry]] = field(default_factory=dict, repr=False)

    def of(self, credential: str) -> list[Entry]:
        """The entries of a credential, by its id; the index is made when it is first needed."""
        if not self.owned:
            for entry in self.entries:
                self.owned.setdefault(entry.credential.id, []).append(entry)
        return self.owned.get(credential, [])

    def earliest(self) -> Entry:
        """The entry that wakes first."""
        return min((tier.earliest() for tier in self.tiers), key=lambda entry: entry.until)


def pair(credential: str, model: str) -> str:
    """The key of a credential's model."""
    return f"{credential}\t{model}"


class Table:
    """The tables for one set of credentials. A new set makes new tables that take over rests and counts."""

    def __init__(
        self,
        credentials: Iterable[Credential],
        catalog: Catalog,
        settings: PoolSettings,
        before: "Table | None" = None,
    ) -> None:
        self.members: dict[str, Member] = {}
        self.entries: dict[str, Entry] = {}
        self.rests: dict[str, Rest] = {}
        self._catalog = catalog
        self._settings = settings
        self._before = before.rests if before else {}
        self._offers: dict[tuple[object, ...], list[Offer]] = {}
        seats: dict[str, list[tuple[Offer, Entry, bool]]] = {}
        for credential in credentials:
            member = Member(credential, Rest())
            self.members[credential.id] = member
            old = before.members.get(credential.id) if before else None
            changed = old is not None and old.credential.secret != credential.secret
            if old is not None:
                member.whole, member.succeeded, member.failed = old.whole, old.succeeded, old.failed
            if changed and member.whole.hides:
                member.whole.clear()
            self._seat(member, changed, seats)
        self._before = {}
        self._offers = {}
        self.routes = {name: self._route(found) for name, found in seats.items()}

    def _seat(self, member: Member, changed: bool, seats: dict[str, list[tuple[Offer, Entry, bool]]]) -> None:
        """Make the entries of a credential and note the names they serve."""
        credential = member.credential
        try:
            provider = provider_of(credential, self._catalog)
        except UnknownProvider as error:
            member.idle = str(error)
            return
        if credential.disabled:
            return
        if self._settings.strategy == "weighted-round-robin" and credential.weight <= 0:
            member.idle = "its weight is 0: it gets no turns"
            return
        alike = (provider.key, provider.lists, credential.models, credential.excluded, credential.aliases)
        if alike not in self._offers:  # keys of one kind offer the same: a thousand of them are read as one
            self._offers[alike] = offers_of(credential, provider, self._catalog)
        for offer in self._offers[alike]:
            key = pair(credential.id, offer.model)
            rest = self._rest(key, changed)
            if offer.reasoning is not None:
                key += f"\t{offer.reasoning.mode} {offer.reasoning.effort}{offer.reasoning.budget}"
            entry = self.entries.get(key)
            if entry is None:
                entry = Entry(key, credential, provider, offer.model, offer.traits, offer.reasoning, rest, member.whole)
                self.entries[key] = entry
                member.entries.append(entry)
            for name, listed in names_of(offer, credential.prefix, self._settings.force_model_prefix):
                seats.setdefault(name, []).append((offer, entry, listed))
        if not member.entries:
            member.idle = "no model is left to it: all are excluded, or none is configured"

    def _rest(self, key: str, changed: bool) -> Rest:
        """The rest of a pair; one of before stays, unless it was a refusal of a secret that is no longer the same."""
        rest = self.rests.get(key)
        if rest is None:
            rest = self.rests[key] = self._before.get(key) or Rest()
            if changed and rest.hides:
                rest.clear()
        return rest

    def _route(self, found: list[tuple[Offer, Entry, bool]]) -> Route:
        ordered = sorted(found, key=lambda seat: (-seat[1].credential.priority, seat[1].credential.id))
        entries = list({entry.key: entry for _, entry, _ in ordered}.values())
        tiers: dict[int, list[Entry]] = {}
        for entry in entries:
            tiers.setdefault(entry.credential.priority, []).append(entry)
        listed = [offer for offer, _, shown in ordered if shown]
        return Route(
            tiers=[Tier(tier, self._settings.strategy) for tier in tiers.values()],
            entries=entries,
            record=(listed[0] if listed else ordered[0][0]).record,
            listed=bool(listed),
            mapped=frozenset(entry.key for offer, entry, _ in ordered if offer.mapped),
        )

    def awake_at(self, credential: str, name: str) -> float | None:
        """See `Pool.awake_at`."""
        route = self.routes.get(name)
        return min((entry.until for entry in route.of(credential)), default=None) if route else None

    def update(self, credentials: Iterable[Credential]) -> Iterator[list[Entry]]:
        """See `Pool.update`. Gives the entries of each credential whose rests may have ended."""
        for credential in credentials:
            member = self.members.get(credential.id)
            if member is None:
                continue
            changed = member.credential.secret != credential.secret
            member.credential = credential
            for entry in member.entries:
                entry.credential = credential
            for rest in (member.whole, *(entry.rest for entry in member.entries)) if changed else ():
                if rest.hides:
                    rest.clear()
            yield member.entries

    # --- names ------------------------------------------------------------------------------------------------------

    def resolve(self, name: str, now: float | None) -> Resolution:
        """See `Pool.resolve`."""
        base, reasoning = split_suffix(name)
        suffix = base != name
        if base == "auto" and base not in self.routes:
            newest = max(self.listings(now), key=lambda listing: listing.model.created, default=None)
            if newest is not None:
                return Resolution(name, newest.id, reasoning, suffix)
        if base in self.routes:
            return Resolution(name, base, reasoning, suffix)
        if name in self.routes:  # brackets that belong to the name
            return Resolution(name, name)
        raise UnknownModel(name, self._near(base))

    def _near(self, name: str) -> list[str]:
        if len(name) > _LONGEST_NAME:
            return []
        folded: dict[str, str] = {}
        for known in sorted(known for known, route in self.routes.items() if route.listed):
            folded.setdefault(known.lower(), known)
        wanted = name.lower()
        same = [folded[wanted]] if wanted in folded else []
        longer = [known for lower, known in folded.items() if wanted and lower.startswith(wanted)]
        alike = [folded[lower] for lower in difflib.get_close_matches(wanted, folded, n=5)]
        return list(dict.fromkeys([*same, *longer, *alike]))[:5]

    def previews(self, route: str) -> list[str]:
        """See `Pool.previews`."""
        found = [
            name
            for name, other in self.routes.items()
            if name.startswith(f"{route}-preview") and any(each.provider.vendor == "google" for each in other.entries)
        ]
        return sorted(found, key=lambda name: (-self.routes[name].record.created, name))

    def listings(self, now: float | None) -> list[Listing]:
        """See `Pool.models`."""
        found = []
        for name in sorted(self.routes):
            route = self.routes[name]
            if not route.listed or (now is not None and all(_hidden(entry, now) for entry in route.entries)):
                continue
            providers = tuple(sorted({entry.provider.key for entry in route.entries}))
            record = route.record if route.record.id == name else renamed(route.record, name)
            found.append(Listing(name, record, providers))
        return found

    # --- rests as plain data ----------------------------------------------------------------------------------------

    def kept(self) -> Mapping[tuple[str, str], Rest]:
        """All rests by what they belong to."""
        whole = {("credential", key): member.whole for key, member in self.members.items()}
        return whole | {("pair", key): rest for key, rest in self.rests.items()}


def _hidden(entry: Entry, now: float) -> bool:
    return any(rest.hides and rest.until > now for rest in (entry.rest, entry.whole))


_ADVICE = {
    "invalid_grant": "the log-in has ended: log in again",
    "unauthorized": "the upstream takes its token no more: log in again",
    "validation_required": "the upstream wants the account's owner to verify it",
}
"""What to do about an account that is refused as a whole, by the reason of its rest."""


def state_of(member: Member, now: float) -> tuple[str, str]:
    """What a credential as a whole is in, and what to do about it: (state, advice)."""
    credential, whole = member.credential, member.whole
    if credential.disabled:
        return "disabled", ""
    if member.idle:
        return "unserved", ""
    if credential.kind == "api-key":
        return ("cooling" if whole.until > now else "ready"), ""
    if whole.reason in _ADVICE and (whole.until > now or whole.level):
        return "invalid", _ADVICE[whole.reason]
    if whole.until > now:
        return "cooling", ""
    if 0 < credential.expires <= now:
        return "expired", "is renewed with its next use" if credential.renewable else "log in again"
    return "ready", ""


def row_of(member: Member, model: str, rest: Rest, now: float) -> Row:
    """A line for the table of credentials: of the whole one, or of one of its models."""
    cooling = rest.until > now
    state, advice = ("cooling" if cooling else "ready", "") if model else state_of(member, now)
    return Row(
        id=member.credential.id,
        label=member.credential.label,
        provider=member.credential.provider,
        model=model,
        state=state,
        advice=advice,
        reason=member.idle if state == "unserved" else rest.reason,
        until=rest.until if cooling else 0.0,
        reset=rest.reset if rest.reset > now else 0.0,
        level=rest.level,
        succeeded=0 if model else member.succeeded,
        failed=0 if model else member.failed,
        models=0 if model else len({entry.model for entry in member.entries}),
    )
