"""Which credential serves the next attempt: names, choice, cooldowns. Pure: the time is an argument, in unix seconds.

All names a client can use are looked up in a table made when the credentials change. A failure rests a pair of
credential and model, or a whole credential, as `outcomes` says. When a rest for a quota is over, one lease at a time
probes; its success clears the state, its failure begins the next interval, and nothing else has to happen for a
credential to come back.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from heapq import heapify, heappop, heappush
from itertools import chain
from typing import Any

from credentials.cooldown import KEPT, Entry, Rest
from credentials.error_rules import BY_RULE, judged
from credentials.lease import Cooling, Exhausted, Lease, Listing, PoolSettings, Resolution, Row, UnknownModel
from credentials.model import Credential
from credentials.outcomes import CLIENT, DEAD_GRANT, REQUEST, SEALED, Cool, Verdict, classify, cooldown
from credentials.routes import Member, Route, Table, row_of
from providers.catalog import Catalog
from translators.model import Failure

__all__ = [
    "Cooling",
    "Exhausted",
    "Lease",
    "Listing",
    "Pool",
    "PoolSettings",
    "Resolution",
    "Row",
    "UnknownModel",
    "Verdict",
]


class Pool:
    """All credentials. Not for several threads; one event loop's."""

    def __init__(
        self, credentials: Iterable[Credential], catalog: Catalog, settings: PoolSettings | None = None
    ) -> None:
        self.catalog = catalog
        self.settings = settings or PoolSettings()
        self._serial = 0
        self._alarms: list[tuple[float, int, Entry]] = []
        self._table = Table(credentials, self.catalog, self.settings)

    def replace(
        self,
        credentials: Iterable[Credential],
        *,
        catalog: Catalog | None = None,
        settings: PoolSettings | None = None,
    ) -> None:
        """Take over a new set of credentials (and a newer catalogue, new settings). Who stays keeps rests and counts.

        A credential whose secret changed keeps a rest for a quota, not one for being refused.
        """
        self.catalog = catalog or self.catalog
        self.settings = settings or self.settings
        self._alarms = []
        self._table = Table(credentials, self.catalog, self.settings, self._table)
        for entry in self._table.entries.values():
            if entry.until:
                self._put_to_sleep(entry)

    def credential(self, identifier: str) -> Credential | None:
        """A credential by its id or label."""
        for member in self._table.members.values():
            if identifier in (member.credential.id, member.credential.label):
                return member.credential
        return None

    # --- names ------------------------------------------------------------------------------------------------------

    def resolve(self, name: str, now: float | None = None) -> Resolution:
        """Find what a client means: a thinking suffix is taken off, `auto` is the newest listed model.

        Names are case-sensitive. now: only needed so that `auto` leaves out what lists leave out.
        Raises UnknownModel, with names that look alike.
        """
        return self._table.resolve(name, now)

    def models(self, now: float | None = None) -> list[Listing]:
        """All names that can be asked for, sorted. With a time: without those whose every credential was refused
        (a model stays listed while its credentials only wait for a quota or for a better minute).
        """
        return self._table.listings(now)

    # --- leasing ----------------------------------------------------------------------------------------------------

    def lease(
        self,
        resolution: Resolution,
        tried: Collection[str],
        now: float,
        *,
        dialect_preference: str = "",
        prefer: str = "",
        avoid_kind: str = "",
        kin: str = "",
    ) -> Lease | Cooling | Exhausted:
        """The credential for the next attempt: the best priority that has one awake, and in it the strategy's next.

        tried: keys of leases of this round, which are not given again. dialect_preference: among equals, providers
        that speak it. prefer: id of the credential a session is bound to; it beats priority while it is awake. kin: a
        file whose credentials (projects) come next. avoid_kind: what a policy rules out for this request.
        """
        self._wake(now)
        route = self._table.routes.get(resolution.route)
        if route is None:
            return Exhausted(f"no credential serves {resolution.route!r} any more")
        limit = self.settings.max_retry_credentials
        if limit and len(tried) >= limit and len({key.partition("\t")[0] for key in tried}) >= limit:
            return Exhausted(f"{limit} credentials were tried, which is the configured limit")

        def fits(entry: Entry) -> bool:
            return entry.key not in tried and entry.credential.kind != avoid_kind

        entry = self._bound(route, prefer, fits) if prefer else None
        if entry is None and kin:
            entry = _pick(route, "", lambda each: each.credential.id.startswith(f"{kin}::") and fits(each))
        entry = entry or _pick(route, dialect_preference, fits)
        if entry is not None:
            return self._grant(entry, resolution, now)
        if tried:
            return Exhausted(f"every credential for {resolution.route!r} was tried or rests")
        first = route.earliest()
        if first.until <= now:
            return Exhausted(f"no credential for {resolution.route!r} may be used for this request")
        return Cooling(first.until, resolution.route, first.resting.reason)

    def _bound(self, route: Route, prefer: str, fits: Callable[[Entry], bool]) -> Entry | None:
        return next((entry for entry in route.of(prefer) if not entry.asleep and fits(entry)), None)

    def _grant(self, entry: Entry, resolution: Resolution, now: float) -> Lease:
        probe = False
        for rest in (entry.rest, entry.whole):
            if rest.probe and rest.until:
                rest.until, probe = now + rest.window, True
        if probe:
            self._rest_changed(entry, now)
        self._serial += 1
        return Lease(
            credential=entry.credential,
            provider=entry.provider,
            model=entry.model,
            traits=entry.traits,
            reasoning=entry.reasoning or resolution.reasoning,
            route=resolution.route,
            key=entry.key,
            serial=self._serial,
            at=now,
            probe=probe,
            mapped=entry.key in self._table.routes[resolution.route].mapped,
        )

    def renew(self, lease: Lease, credential: Credential) -> Lease:
        """The same lease with a token that was just refreshed; later leases get it too."""
        member = self._table.members.get(credential.id)
        if member is not None:
            member.credential = credential
            for entry in member.entries:
                entry.credential = credential
        return replace(lease, credential=credential, renewed=True)

    def update(self, credentials: Iterable[Credential], now: float) -> None:
        """Take over credentials whose secrets are newer, and in which nothing else is different but when these end.

        The names and the rotation stay as they are; a rest for being refused ends.
        """
        for entries in self._table.update(credentials):
            self._refreshed(entries, now)

    def awake_at(self, credential: str, resolution: Resolution) -> float | None:
        """When a credential (by id) may serve what was resolved, 0 for at any time; None if it does not serve it."""
        return self._table.awake_at(credential, resolution.route)

    def previews(self, resolution: Resolution) -> list[Resolution]:
        """The preview variants of a Google model (`NAME-preview…`), the newest first."""
        return [replace(resolution, route=name) for name in self._table.previews(resolution.route)]

    def waits(self, resolution: Resolution, now: float, rounds: int = 0) -> float | None:
        """Seconds until somebody could serve one more round after `rounds` repeated ones; 0 now, None nobody ever.

        A credential takes part in as many more rounds as its own or the configured `request_retry` says.
        """
        route = self._table.routes.get(resolution.route)
        willing = [entry.until for entry in route.entries if self._retries(entry) > rounds] if route else []
        return max(min(willing) - now, 0.0) if willing else None

    def _retries(self, entry: Entry) -> int:
        own = entry.credential.request_retry
        return self.settings.request_retry if own is None or own < 0 else own

    # --- outcomes ---------------------------------------------------------------------------------------------------

    def success(self, lease: Lease, now: float, operation: str = "generate") -> None:
        """The attempt was answered: clears the rests that were there when it began.

        A count clears nothing: it does not show that the model answers again.
        """
        entry, member = self._of(lease)
        if entry is None or member is None:
            return
        member.succeeded += 1
        if operation == "count":
            self.release(lease, now)
            return
        begun_before = [rest for rest in (entry.rest, entry.whole) if rest.level or rest.until]
        for rest in begun_before:
            if lease.serial > rest.since:
                rest.clear()
        if begun_before:
            self._rest_changed(entry, now)

    def release(self, lease: Lease, now: float) -> None:
        """The attempt ended and told nothing (the client went away): a probe is free for the next request."""
        entry, _ = self._of(lease)
        if entry is not None and lease.probe:
            for rest in (entry.rest, entry.whole):
                _end_probe(rest, lease, now)
            self._rest_changed(entry, now)

    def report(self, lease: Lease, failure: Failure, now: float, operation: str = "generate") -> Verdict:
        """The attempt failed: books the rest and says what to do next.

        A verdict to refresh books nothing: refresh, `renew` the lease and try again; the next failure counts.
        """
        refreshable = lease.credential.kind != "api-key" and not lease.renewed
        verdict = judged(classify(failure, operation, refreshable), failure, lease.credential.error_rules)
        entry, member = self._of(lease)
        if entry is None or member is None or verdict.refresh:
            return verdict
        if verdict not in (CLIENT, REQUEST, SEALED) and verdict.reason != BY_RULE:
            member.failed += 1
        booked: Rest | None = None
        if verdict.cool is not None and self._cools(entry, verdict.cool):
            booked = entry.rest if verdict.scope == "model" else entry.whole
            self._book(booked, lease, verdict, verdict.cool, failure.retry_after, now)
        for rest in (entry.rest, entry.whole):
            if rest is not booked:
                _end_probe(rest, lease, now)  # it was no such failure that the probe looked for
        self._rest_changed(entry, now)
        return verdict

    def _of(self, lease: Lease) -> tuple[Entry | None, Member | None]:
        """Where a lease came from; nothing if the config dropped it meanwhile."""
        return self._table.entries.get(lease.key), self._table.members.get(lease.credential.id)

    def _cools(self, entry: Entry, cool: Cool) -> bool:
        own = entry.credential.disable_cooling
        return cool.always or not (self.settings.disable_cooling if own is None else own)

    def _book(self, rest: Rest, lease: Lease, verdict: Verdict, cool: Cool, hint: float | None, now: float) -> None:
        same = rest.reason == verdict.reason
        level = rest.level if same else 0
        seconds = cooldown(cool, hint, level, self.settings.transient_seconds)
        if lease.serial <= rest.since and (rest.until > now or (same and not rest.until)):
            # One of a burst that was under way when the rest began: it may lengthen the rest, and counts no further.
            if same and cool.hint and hint:
                rest.until = max(rest.until, now + min(hint, cool.cap))
                rest.reset = max(rest.reset, now + hint)
            if same or now + seconds <= rest.until:
                return
        self._serial += 1
        rest.since, rest.level, rest.reason = self._serial, level + 1, verdict.reason
        rest.until = now + seconds if seconds else 0.0
        rest.window, rest.probe, rest.hides = seconds, bool(seconds) and not cool.transient, verdict.hides
        rest.reset = now + hint if hint and cool.hint else 0.0

    # --- by hand ----------------------------------------------------------------------------------------------------

    def cool(self, credential: str, seconds: float, now: float, *, model: str = "", reason: str = "by hand") -> int:
        """Let a credential (by id or label), or one upstream model of it, rest. Gives the number of entries meant.

        With the reason of a dead grant, it is hidden as by a refusal.
        """
        touched = 0
        for member, entries in self._meant(credential, model):
            for rest in {id(rest): rest for rest in ([e.rest for e in entries] if model else [member.whole])}.values():
                self._serial += 1
                rest.clear()
                rest.until, rest.reason, rest.since = now + seconds, reason, self._serial
                rest.hides = reason == DEAD_GRANT.reason
            touched += self._refreshed(entries, now)
        return touched

    def clear(self, now: float, *, credential: str = "", model: str = "", reason: str = "") -> int:
        """End rests (of a credential, of one upstream model, for one reason). Gives the number of entries meant."""
        touched = 0
        for member, entries in self._meant(credential, model):
            for rest in (*(entry.rest for entry in entries), *(() if model else (member.whole,))):
                if reason in ("", rest.reason):
                    rest.clear()
            touched += self._refreshed(entries, now)
        return touched

    def _meant(self, credential: str, model: str) -> Iterable[tuple[Member, list[Entry]]]:
        for member in self._table.members.values():
            if not credential or credential in (member.credential.id, member.credential.label):
                yield member, [entry for entry in member.entries if not model or entry.model == model]

    def _refreshed(self, entries: list[Entry], now: float) -> int:
        if entries:
            self._rest_changed(entries[0], now)
        return len(entries)

    # --- looking, keeping -------------------------------------------------------------------------------------------

    def states(self, now: float) -> list[Row]:
        """One row for each credential, and one for each of its models that rests or failed last."""
        rows = []
        for member in self._table.members.values():
            rows.append(row_of(member, "", member.whole, now))
            rests = {entry.model: entry.rest for entry in member.entries if entry.rest.level or entry.rest.until > now}
            rows += [row_of(member, model, rest, now) for model, rest in rests.items()]
        return rows

    def snapshot(self, now: float) -> list[dict[str, Any]]:
        """The rests that are not over, as plain data: no secret, no label."""
        whole = (("credential", key, member.whole) for key, member in self._table.members.items())
        pairs = (("pair", key, rest) for key, rest in self._table.rests.items())
        return [
            {"of": kind, "key": key} | {name: getattr(rest, name) for name in KEPT}
            for kind, key, rest in chain(whole, pairs)
            if rest.until > now
        ]

    def restore(self, rows: Iterable[Mapping[str, Any]], now: float) -> int:
        """Take over a snapshot. What is over, or belongs to nobody here, or is no such row, is left out.

        Gives the number taken.
        """
        rests = self._table.kept()
        taken = 0
        for row in rows:
            rest = rests.get((str(row.get("of")), str(row.get("key"))))
            if rest is None or not all(isinstance(row.get(name), kind) for name, kind in KEPT.items()):
                continue
            if row["until"] > now:
                for name in KEPT:
                    setattr(rest, name, row[name])
                taken += 1
        for member in self._table.members.values():
            self._refreshed(member.entries, now)
        return taken

    # --- sleeping and waking ----------------------------------------------------------------------------------------

    def _rest_changed(self, entry: Entry, now: float) -> None:
        """Bring the choice in line with the rests of an entry and of the credential's others, which share one."""
        member = self._table.members.get(entry.credential.id)
        for each in member.entries if member is not None else (entry,):
            if each.until > now:
                self._put_to_sleep(each)
            else:
                each.wake()

    def _put_to_sleep(self, entry: Entry) -> None:
        if entry.asleep and entry.alarm == entry.until:
            return
        entry.sleep()
        entry.alarm = entry.until
        self._serial += 1
        heappush(self._alarms, (entry.alarm, self._serial, entry))
        if len(self._alarms) > 64 + 4 * len(self._table.entries):  # most are out of date
            asleep = [each for each in self._table.entries.values() if each.asleep]
            self._alarms = [(each.until, place, each) for place, each in enumerate(asleep)]
            heapify(self._alarms)

    def _wake(self, now: float) -> None:
        """Wake everyone whose rest is over. An alarm may be out of date: the entry's own time decides."""
        while self._alarms and self._alarms[0][0] <= now:
            entry = heappop(self._alarms)[2]
            if entry.until <= now:
                entry.wake()


def _pick(route: Route, dialect: str, fits: Callable[[Entry], bool]) -> Entry | None:
    for tier in route.tiers:
        entry = None
        if dialect in tier.dialects and len(tier.dialects) > 1:
            entry = tier.pick(lambda candidate: dialect in candidate.provider.spoken and fits(candidate))
        entry = entry or tier.pick(fits)
        if entry is not None:
            return entry
    return None


def _end_probe(rest: Rest, lease: Lease, now: float) -> None:
    if lease.probe and rest.probe and lease.serial > rest.since:
        rest.until = min(rest.until, now)
