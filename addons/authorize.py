"""Which credential tries next, and what the failure of one means."""

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import replace

from mitmproxy.http import HTTPFlow

from addons import demo
from addons.affinity import Affinity
from addons.count_tokens import estimated_reply
from addons.exchanges import Exchange, Exchanges
from addons.memory import Memory
from addons.playback import MISS, play
from addons.prepare import prepare, prepare_demo, unsealable
from addons.provider_ways import UPSTREAM
from addons.refresh import Refresh
from addons.switching import detoured, note_quota, previewed
from credentials.halts import Dead, Later, Refused
from credentials.oauth.flow import Failed
from credentials.oauth.google_projects import REFUSED, Projects
from credentials.outcomes import SEALED
from credentials.pool import Cooling, Exhausted, Lease, Resolution, UnknownModel
from providers.address import BadAddress, NoSuchOperation
from translators.errors import TranslationError
from translators.model import Failure

_FAULTS = ("invalid", "model", "context", "too_large", "unprocessable")
"""Kinds of failure that an estimate would only hide."""
_DIRECT = ("", "direct", "none")
"""What says that there is no proxy."""


class Authorize:
    """Answers the engine's question, attempt by attempt. refresh: renews the tokens of log-ins, None where there are
    none. projects: finds those that files do not name.
    """

    def __init__(
        self, exchanges: Exchanges, memory: Memory, refresh: Refresh | None = None, projects: Projects | None = None
    ) -> None:
        self.exchanges = exchanges
        self.memory = memory
        self.affinity = Affinity()
        self.refresh = refresh
        self.projects = projects or Projects()

    async def cliproxy_attempt(self, flow: HTTPFlow) -> None:
        """Decide what could not be decided at once: wait for a cooldown to end, renew a token, count in a thread."""
        exchange = self.exchanges.get(flow)
        waiting = exchange is not None and (exchange.wait, exchange.stale, exchange.placeless) != (None, None, None)
        if exchange is not None and not waiting and not exchange.decided:
            self._try(exchange, self._next)
        while exchange is not None and flow.response is None:
            if self._to_be_counted(exchange):
                await self._count_here(flow, exchange)
            if exchange.decided or flow.response is not None:
                return
            exchange.pauses.append((time.time(), _pause(exchange)))
            if exchange.stale is not None:
                await self._renew(exchange, exchange.stale)
                continue
            if exchange.placeless is not None:
                await self._place(exchange, exchange.placeless)
                continue
            await asyncio.sleep(exchange.wait or 0)
            exchange.wait = None
            self._try(exchange, self._lease)

    def choose(self, exchange: Exchange) -> bool:
        """Set the next wire or the refusal; False if that takes time (see cliproxy_attempt)."""
        self._try(exchange, self._next)
        return exchange.decided and not self._to_be_counted(exchange)

    def _try(self, exchange: Exchange, step: Callable[[Exchange], None]) -> None:
        try:
            step(exchange)
        except TranslationError as error:
            exchange.refusal = Failure(
                kind="invalid", message=str(error), code=error.code, param=error.path, origin="cliproxy"
            )

    def _to_be_counted(self, exchange: Exchange) -> bool:
        """No upstream counts, and it is not the request's fault: an estimate it is."""
        failure = exchange.refusal
        if exchange.call.operation != "count_tokens" or failure is None:
            return False
        return failure.kind not in _FAULTS and failure.code != MISS

    async def _count_here(self, flow: HTTPFlow, exchange: Exchange) -> None:
        exchange.refusal = None
        try:
            flow.response = await estimated_reply(exchange)
        except TranslationError as error:
            exchange.refusal = Failure(kind="invalid", message=str(error), param=error.path, origin="cliproxy")

    def response(self, flow: HTTPFlow) -> None:
        """The answer is out: the credential did well."""
        exchange = self.exchanges.get(flow)
        if exchange is None or not exchange.attempts:
            return
        exchange.attempt.ended = exchange.attempt.ended or time.time()
        if exchange.lease is not None and exchange.attempt.failure is None and exchange.refusal is None:
            exchange.runtime.pool.success(exchange.lease, time.time(), UPSTREAM[exchange.call.operation])
            self.affinity.answered(exchange)

    def error(self, flow: HTTPFlow) -> None:
        """Broke off after the client had seen a part: tell the pool, if it was not the client who left."""
        exchange = self.exchanges.get(flow)
        if exchange is None or not exchange.attempts:
            return
        attempt = exchange.attempt
        attempt.ended = attempt.ended or time.time()
        if exchange.lease is None or attempt.verdict:
            return
        if attempt.failure is None:
            exchange.runtime.pool.release(exchange.lease, time.time())
        else:
            exchange.runtime.pool.report(
                exchange.lease, attempt.failure, time.time(), UPSTREAM[exchange.call.operation]
            )

    # --- choosing ---------------------------------------------------------------------------------------------------

    def _report(self, exchange: Exchange) -> Failure | None:
        """Tell the pool how the last attempt failed. Gives the failure if that is the client's answer."""
        attempt, lease = exchange.attempt, exchange.lease
        attempt.ended = time.time()
        failure = attempt.failure or Failure(
            kind="server", message="the attempt ended without an answer", origin="cliproxy"
        )
        if lease is None:
            return failure
        if self.refresh is None or not self.refresh.renews(lease.credential):
            lease = replace(lease, renewed=True)
        verdict = exchange.runtime.pool.report(lease, failure, time.time(), UPSTREAM[exchange.call.operation])
        attempt.verdict = verdict.reason
        if verdict.refresh:
            exchange.stale = lease
            return None
        self.affinity.failed(exchange, verdict)
        if verdict.other_kind:
            exchange.avoid_kind = lease.credential.kind
        exchange.again = verdict.again
        note_quota(exchange, verdict.reason)
        return failure if verdict.final or (verdict.unseal and not unsealable(exchange)) else None

    def _next(self, exchange: Exchange) -> None:
        if exchange.runtime.cassette is not None:
            play(exchange, exchange.runtime.cassette)
            return
        if exchange.lease is not None and detoured(exchange):
            exchange.attempt.ended = time.time()
            prepare(exchange, exchange.lease, self.memory)
            return
        failure = self._report(exchange) if exchange.attempts else None
        if failure is not None:
            exchange.refusal = failure
        elif exchange.stale is not None:
            return  # cliproxy_attempt renews it
        elif exchange.lease is not None and exchange.attempts and exchange.attempt.verdict == SEALED.reason:
            prepare(exchange, exchange.lease, self.memory)
        elif exchange.runtime.demo and demo.serves(exchange.asked.model):
            prepare_demo(exchange)
        else:
            self._lease(exchange)

    def _lease(self, exchange: Exchange) -> None:
        pool = exchange.runtime.pool
        unable: NoSuchOperation | BadAddress | None = None
        if exchange.resolution is None:
            try:
                exchange.resolution = pool.resolve(exchange.asked.model, time.time())
            except UnknownModel as error:
                exchange.refusal = Failure(kind="model", message=str(error), param="model", origin="cliproxy")
                return
        while True:
            found = self._ask(exchange, exchange.resolution)
            if not isinstance(found, Lease):
                if previewed(exchange, found):
                    continue
                break
            if self._unfinished(exchange, found):
                return
            unable = self._begin(exchange, found)
            if unable is None:
                return
        if unable is not None and not exchange.attempts:
            kind = "server" if isinstance(unable, BadAddress) else "unsupported"
            exchange.refusal = Failure(kind=kind, message=str(unable), origin="cliproxy")
            return
        wait = pool.waits(exchange.resolution, time.time(), exchange.rounds)
        if wait is None or wait > pool.settings.max_retry_interval or not exchange.again:
            last = exchange.attempt.failure if exchange.attempts else None
            exchange.refusal = _nobody(found, exchange.trouble or last)
            return
        exchange.rounds += 1
        exchange.tried.clear()
        exchange.wait = wait

    def _begin(self, exchange: Exchange, lease: Lease) -> NoSuchOperation | BadAddress | None:
        """Set the wire of a lease; gives what keeps this credential, but perhaps no other of the model, from it."""
        exchange.detours = 0
        try:
            prepare(exchange, lease, self.memory)
        except (NoSuchOperation, BadAddress) as error:
            exchange.runtime.pool.release(lease, time.time())
            return error
        except Exception:
            exchange.runtime.pool.release(lease, time.time())
            raise
        exchange.lease, exchange.trouble = lease, None
        return None

    def _unfinished(self, exchange: Exchange, lease: Lease) -> bool:
        """Something is wanting before the lease can be used, which cliproxy_attempt gets: a token, a project."""
        if self.refresh is not None and self.refresh.stale(lease.credential):
            exchange.stale = lease
        elif self.projects.missing(lease.credential):
            exchange.placeless = lease
        else:
            return False
        return True

    # --- tokens -----------------------------------------------------------------------------------------------------

    async def _renew(self, exchange: Exchange, lease: Lease) -> None:
        """Renew the token of a lease and go on with it; if that cannot be, with the next credential."""
        assert self.refresh is not None
        pool = exchange.runtime.pool
        refused = bool(exchange.attempts) and exchange.lease is not None and exchange.lease.serial == lease.serial
        try:
            lease = pool.renew(lease, await self.refresh.renewed(lease.credential))
        except Later as later:
            if refused or self.refresh.over(lease.credential):
                self._unrenewed(exchange, lease, later)
                return
        except Dead as dead:
            self._unrenewed(exchange, lease, dead)
            return
        except BaseException:
            pool.release(lease, time.time())
            raise
        finally:
            exchange.stale = None
        self._try(exchange, lambda exchange: self._go_on(exchange, lease))

    async def _place(self, exchange: Exchange, lease: Lease) -> None:
        """Find the project of a lease's account and go on with it; if there is none, with the next credential."""
        pool = exchange.runtime.pool
        proxy = lease.credential.proxy_url or exchange.runtime.config.proxy_url
        try:
            credential = await self.projects.placed(lease.credential, None if proxy in _DIRECT else proxy)
        except Failed as failed:
            kind = "permission" if failed.dead or failed.code in REFUSED else "upstream"
            exchange.trouble = Failure(
                kind=kind, message=str(failed), code=failed.code, retry_after=failed.retry_after or None
            )
            pool.report(lease, exchange.trouble, time.time(), UPSTREAM[exchange.call.operation])
            self._try(exchange, self._lease)
        except BaseException:
            pool.release(lease, time.time())
            raise
        else:
            newest = pool.credential(credential.id) or credential  # its token may have been renewed meanwhile
            placed = replace(pool.renew(lease, replace(newest, facts=credential.facts)), renewed=lease.renewed)
            self._try(exchange, lambda exchange: self._go_on(exchange, placed))
        finally:
            if exchange.placeless is lease:
                exchange.placeless = None

    def _go_on(self, exchange: Exchange, lease: Lease) -> None:
        if self.projects.missing(lease.credential):
            exchange.placeless = lease
        elif self._begin(exchange, lease) is not None:
            self._lease(exchange)

    def _unrenewed(self, exchange: Exchange, lease: Lease, refused: Refused) -> None:
        """There is no new token: the credential rests, and the next is asked."""
        pool, now = exchange.runtime.pool, time.time()
        if isinstance(refused, Later):
            failure = Failure(
                kind="upstream",
                message=str(refused),
                retry_after=refused.retry_after,
                origin="cliproxy",
                code="refresh",
            )
            pool.report(replace(lease, renewed=True), failure, now, UPSTREAM[exchange.call.operation])
        else:
            failure = Failure(kind="auth", message=str(refused), origin="cliproxy", code="invalid_grant")
            pool.release(lease, now)  # it rests already: see Refresh
        exchange.trouble = failure
        self._try(exchange, self._lease)

    def _ask(self, exchange: Exchange, resolution: Resolution) -> Lease | Cooling | Exhausted:
        tried = exchange.tried | exchange.avoid if exchange.avoid else exchange.tried
        found = self._lease_of(exchange, resolution, tried)
        if exchange.avoid and not isinstance(found, Lease):  # there is nobody else
            exchange.avoid = frozenset()
            found = self._lease_of(exchange, resolution, exchange.tried)
        if isinstance(found, Lease):
            exchange.tried.add(found.key)
        return found

    def _lease_of(
        self, exchange: Exchange, resolution: Resolution, tried: Collection[str]
    ) -> Lease | Cooling | Exhausted:
        return exchange.runtime.pool.lease(
            resolution,
            tried,
            time.time(),
            dialect_preference=exchange.client.name,
            prefer=self.memory.maker(exchange) or self.affinity.preferred(exchange),
            avoid_kind=exchange.avoid_kind,
            kin=exchange.kin,
        )

    async def cliproxy_chunk(self, flow: HTTPFlow) -> None:
        """The next chunk of a local source."""
        exchange = self.exchanges.get(flow)
        if exchange is not None and exchange.source is not None:
            exchange.chunk = await anext(exchange.source, None)


def _pause(exchange: Exchange) -> str:
    """What is waited for, in words for a person."""
    if exchange.stale is not None:
        return f"a new token of {exchange.stale.credential.label}"
    if exchange.placeless is not None:
        return f"the project of {exchange.placeless.credential.label}"
    return f"a rest to end ({exchange.wait or 0:.1f} s)"


def _nobody(found: Cooling | Exhausted, last: Failure | None) -> Failure:
    if isinstance(found, Cooling):
        seconds = max(1.0, found.until - time.time())
        message = f"All credentials for model {found.model} are cooling down"
        if last is not None:
            message += f" (last: {last.message})"
        return Failure(kind="cooling", message=message, retry_after=seconds, origin="cliproxy")
    return last or Failure(kind="unavailable", message=found.reason, origin="cliproxy")
