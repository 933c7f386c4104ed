"""What one config means, ready for use: made whole at a load or reload, never changed afterwards.

A request keeps the Runtime it began with; only the Pool (cooldowns, rotation) is carried over from one to the next.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from addons.client_keys import Keys
from addons.config.credentials import credentials_of, from_environment
from addons.config.model import Config, Payload
from credentials.model import Credential
from credentials.pool import Pool, PoolSettings
from providers import catalog
from providers.catalog import Catalog
from providers.payload import Rules, read_rules


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
        strategy=config.routing.strategy,
        force_model_prefix=config.force_model_prefix,
        disable_cooling=config.disable_cooling,
        transient_seconds=config.transient_error_cooldown_seconds,
        request_retry=config.request_retry,
        max_retry_interval=config.max_retry_interval,
        max_retry_credentials=config.max_retry_credentials,
    )
    served = [found for found in credentials if found.provider in known.providers or found.base_url]
    pool = Pool(served, known, settings)
    if before is not None:
        pool.restore(before.pool.snapshot())
    return Runtime(
        config=config,
        path=path,
        catalog=known,
        credentials=tuple(served),
        pool=pool,
        rules=read_rules(_payload_tree(config.payload)),
        keys=Keys(config.api_keys),
        demo=config.demo if config.demo is not None else not any(not found.disabled for found in served),
    )


def _payload_tree(payload: Payload) -> dict[str, Any]:
    """The `payload` block as the rules' reader takes it: names as in the file, values as raw JSON."""
    tree: dict[str, Any] = {}
    for stage in ("default", "default-raw", "override", "override-raw", "filter"):
        rules = getattr(payload, stage.replace("-", "_"))
        if not rules:
            continue
        # The values are JSON text already, which is what the raw stages take.
        raw = stage if stage == "filter" or stage.endswith("-raw") else f"{stage}-raw"
        tree.setdefault(raw, [])
        for rule in rules:
            params: Any = {param.path: param.value.decode() for param in rule.params}
            tree[raw].append({"models": [_entry(aim) for aim in rule.models], "params": list(params) if raw == "filter" else params})
    return tree


def _entry(aim: Any) -> dict[str, Any]:
    places = {
        "match": [{found.path: msgspec.json.decode(found.value)} for found in aim.match],
        "not-match": [{found.path: msgspec.json.decode(found.value)} for found in aim.not_match],
        "exist": list(aim.exist),
        "not-exist": list(aim.not_exist),
    }
    plain = {"name": aim.name, "protocol": aim.protocol, "from-protocol": aim.from_protocol, "headers": dict(aim.headers)}
    return {name: value for name, value in (plain | places).items() if value}
