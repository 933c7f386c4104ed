"""Where an exchange goes on when a quota is used up or a host is full: another address of the same provider, another
project of the same account, a preview variant of the model. Each is an attempt of its own.
"""

from addons.exchanges import Exchange
from credentials.outcomes import QUOTA
from credentials.pool import Cooling, Exhausted
from translators.model import Failure

DETOUR = "next address"
"""The verdict of an attempt that is made again elsewhere."""


def detoured(exchange: Exchange) -> bool:
    """Whether the lease's provider has a further address that may do better; then it is the next to be asked."""
    lease = exchange.lease
    if lease is None or not exchange.attempts or lease.credential.base_url:
        return False
    if exchange.detours >= len(lease.provider.fallbacks) or not _elsewhere(exchange):
        return False
    exchange.detours += 1
    exchange.attempt.verdict = DETOUR
    return True


def _elsewhere(exchange: Exchange) -> bool:
    """Too many requests, a host without room, or one that never answered."""
    failure = exchange.attempt.failure
    if failure is None or failure.origin == "client":
        return False
    if failure.origin == "cliproxy":
        return exchange.attempt.status == 0 and failure.kind == "upstream"
    return failure.status == 429 or (failure.status == 503 and _full(failure))


def _full(failure: Failure) -> bool:
    return failure.code.startswith("MODEL_CAPACITY") or "no capacity available" in failure.message.lower()


def note_quota(exchange: Exchange, reason: str) -> None:
    """`switch-project`: after a quota, the other projects of the same account come first."""
    lease = exchange.lease
    if lease is None or not exchange.runtime.config.quota_exceeded.switch_project:
        return
    file, several, _ = lease.credential.id.partition("::")
    exchange.kin = file if several and reason == QUOTA.reason else ""


def previewed(exchange: Exchange, found: Cooling | Exhausted) -> bool:
    """`switch-preview-model`: before giving up on a quota, the model's preview variants in turn, and then for the last
    time the model itself.
    """
    if not exchange.runtime.config.quota_exceeded.switch_preview_model or exchange.resolution is None:
        return False
    said = exchange.attempt.verdict if exchange.attempts else found.reason if isinstance(found, Cooling) else ""
    if said != QUOTA.reason and exchange.previews is None:
        return False
    if exchange.previews is None:
        variants = exchange.runtime.pool.previews(exchange.resolution)
        exchange.previews = [*variants, exchange.resolution] if variants else []
    if not exchange.previews:
        return False
    exchange.resolution = exchange.previews.pop(0)
    return True
