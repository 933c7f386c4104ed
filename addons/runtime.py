"""What one config means, ready for use: made whole at a load or reload, never changed afterwards.

A request keeps the Runtime it began with; only the Pool (cooldowns, rotation) is carried over from one to the next.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from addons.client_keys import Keys
from addons.config.credentials import BUILT_IN, credentials_of, from_environment
from addons.config.model import Config
from credentials.model import Credential
from credentials.outcomes import SHORT
from credentials.pool import Pool, PoolSettings
from providers import catalog
from providers.catalog import Catalog
from providers.payload import Rules, read_rules

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Runtime:
    """path: the config file, None if there is none. demo: the offline models are served."""

    config: Config
    path: Path | None
    catalog: Catalog
    credentials: tuple[Credential, ...]
    pool: Pool
    rules: Rules
    keys: Keys
    demo: bool


def make(config: Config, path: Path | None, before: Runtime | None, env: Mapping[str, str] = os.environ) -> Runtime:
    """Build the Runtime of a config. `before`: the one it follows, whose cooldowns go on."""
    credentials = credentials_of(config)
    if path is None:
        credentials += from_environment(env, config.host, config.port)
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
    served = [found for found in credentials if found.provider in known.providers or found.provider not in BUILT_IN]
    for found in credentials:
        if found not in served:
            log.warning("%s: the provider %s is not served yet; the credential rests", found.source, found.provider)
    if before is None:
        pool = Pool(served, known, settings)
    else:
        pool = before.pool
        pool.replace(served, settings=settings)
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
        demo=config.demo if config.demo is not None else not any(not found.disabled for found in served),
    )
