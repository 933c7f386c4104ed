"""What one config means, ready for use: made whole at a load or reload, never changed afterwards.

A request keeps the Runtime it began with; the Pool (cooldowns, rotation) and the Masker (what was a secret once stays
one) are carried over from one to the next.
"""

import logging
import os
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from addons.cassette import BadCassette, Cassette, load
from addons.client_keys import Keys
from addons.config.credentials import BUILT_IN, credentials_of, customs_of, from_environment
from addons.config.model import Config
from addons.inspection.hiding import Hider
from addons.inspection.masking import Masker
from addons.inspection.redaction import Redactor
from addons.known_secrets import secrets_of
from credentials.accounts import KIND, Accounts
from credentials.model import Credential
from credentials.outcomes import SHORT
from credentials.pool import Pool, PoolSettings
from providers import catalog
from providers.catalog import Catalog
from providers.payload import Rules, read_rules

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Runtime:
    """path: the config file, None if there is none. accounts: those of the auth directory, which are among the
    credentials. demo: the offline models are served. unserved: credentials of providers that are not served. cassette:
    what answers in the place of all upstreams, None where they do.
    """

    config: Config
    path: Path | None
    catalog: Catalog
    credentials: tuple[Credential, ...]
    pool: Pool
    rules: Rules
    keys: Keys
    demo: bool
    redactor: Redactor
    accounts: Accounts | None = None
    unserved: tuple[Credential, ...] = ()
    cassette: Cassette | None = None


def make(
    config: Config,
    path: Path | None,
    before: Runtime | None,
    env: Mapping[str, str] = os.environ,
    accounts: Accounts | None = None,
) -> Runtime:
    """Build the Runtime of a config. `before`: the one it follows, whose cooldowns go on."""
    credentials = credentials_of(config)
    if path is None:
        credentials += from_environment(env, config.host, config.port)
    credentials += accounts.credentials(customs_of(config)) if accounts is not None else ()
    known = before.catalog if before else catalog.load()
    settings = PoolSettings(
        strategy=config.routing.strategy or "round-robin",  # type: ignore[arg-type]  # checked when the file is read
        force_model_prefix=config.force_model_prefix,
        disable_cooling=config.disable_cooling,
        transient_seconds=config.transient_error_cooldown_seconds or SHORT,
        request_retry=config.request_retry,
        max_retry_interval=config.max_retry_interval,
        max_retry_credentials=config.max_retry_credentials,
    )
    served, unserved = _sorted(credentials, known, before)
    if before is None:
        pool = Pool(served, known, settings)
    else:
        pool = before.pool
        pool.replace(served, settings=settings)
    masker = before.redactor.masker if before is not None else Masker()
    masker.learn(secrets_of(config, credentials, accounts))
    rules = read_rules(config.payload)
    for warning in rules.warnings:
        log.warning("%s", warning)
    return Runtime(
        config=config,
        path=path,
        catalog=known,
        credentials=tuple(served),
        pool=pool,
        rules=rules,
        keys=Keys(config.api_keys),
        demo=_demo(config, served),
        redactor=Redactor(masker, config.inspect.keep_bytes, _hider(config, before)),
        accounts=accounts,
        unserved=unserved,
        cassette=_cassette(config, path, before),
    )


def _cassette(config: Config, path: Path | None, before: Runtime | None) -> Cassette | None:
    """The file that answers. One that cannot be played is an error at the start, and answers nothing later: upstreams
    must not be asked instead. As long as the config names the same, it goes on where it was.
    """
    if not config.cassette.file:
        return None
    if before is not None and before.cassette is not None and before.config.cassette == config.cassette:
        return before.cassette
    file = (path.parent if path is not None else Path()) / Path(config.cassette.file).expanduser()
    try:
        return load(file, paced=config.cassette.pace)
    except BadCassette as bad:
        log.error("%s", bad)
        return Cassette(file, [])


def _hider(config: Config, before: Runtime | None) -> Hider | None:
    """One for the whole run, so that the same text keeps its hash."""
    if config.redact != "content":
        return None
    return (before.redactor.hider if before is not None else None) or Hider(secrets.token_bytes(16))


def with_accounts(before: Runtime, now: float) -> Runtime:
    """The Runtime after its accounts changed. Where nothing but tokens did, names and rotation stay as they are."""
    if before.accounts is None:
        return before
    found = before.accounts.credentials(customs_of(before.config))
    before.redactor.masker.learn(secrets_of(before.config, found, before.accounts))
    known = {each.id: each for each in (*before.credentials, *before.unserved) if each.kind == KIND}
    others = [each for each in (*before.credentials, *before.unserved) if each.kind != KIND]
    served, unserved = _sorted([*others, *found], before.catalog, before)
    if len(known) == len(found) and all(_but_for_tokens(each, known.get(each.id)) for each in found):
        before.pool.update((each for each in found if each != known[each.id]), now)
    else:
        before.pool.replace(served)
    return replace(before, credentials=tuple(served), unserved=unserved, demo=_demo(before.config, served))


def _sorted(
    credentials: Sequence[Credential], known: Catalog, before: Runtime | None
) -> tuple[list[Credential], tuple[Credential, ...]]:
    """Those whose provider is served here, and the others; of these a person is told once."""
    served: list[Credential] = []
    unserved: list[Credential] = []
    for found in credentials:
        here = found.provider in known.providers or (found.kind != KIND and found.provider not in BUILT_IN)
        (served if here else unserved).append(found)
    told = {found.id for found in before.unserved} if before is not None else set()
    for provider, ids in Counter(found.provider for found in unserved if found.id not in told).items():
        first = next(found.source for found in unserved if found.provider == provider)
        more = f" (and {ids - 1} more)" if ids > 1 else ""
        log.warning("%s%s: the provider %s is not served yet; the credential rests", first, more, provider)
    return served, tuple(unserved)


def _but_for_tokens(new: Credential, old: Credential | None) -> bool:
    return old is not None and new == replace(old, secret=new.secret, expires=new.expires, renewable=new.renewable)


def _demo(config: Config, served: Sequence[Credential]) -> bool:
    return config.demo if config.demo is not None else not any(not found.disabled for found in served)
