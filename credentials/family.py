"""The files of one log-in, held against all other processes while it is renewed, and written together.

Mostly a family is one file. A person may have copied it, though, to use a log-in under two prefixes or for two
projects: then the copies share one refresh token, and whoever renews one of them alone kills the others. Everything
here blocks for a moment (files, locks): call it in a thread.
"""

from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from credentials.account import Account, BadFile, Tokens, read_account, with_tokens, write_account
from credentials.due import UNWRITTEN
from credentials.model import Secret
from credentials.store import Conflict, Store, Stored, Unavailable

TRIES = 8
"""Times that a file may change under us before we say that it does not come to rest."""


class Gone(Exception):
    """The file is not there any more."""


class Found(NamedTuple):
    """A file as it was read."""

    account: Account
    revision: str


class Place(NamedTuple):
    """A file's name, and the revision of what is in it."""

    name: str
    revision: str


@dataclass(slots=True)
class Family:
    """names: of the files, the wanted one first. Their locks are held until `release`."""

    names: tuple[str, ...]
    found: Found
    locks: ExitStack = field(repr=False)

    def release(self) -> None:
        """Let the others have them. Can be repeated."""
        self.locks.close()


class Renewal(NamedTuple):
    """What a renewal gave. spent: the refresh token it was bought with. asked, answered: when. older: digests of
    refresh tokens that were spent before.
    """

    tokens: Tokens
    spent: Secret
    asked: float
    answered: float
    older: tuple[str, ...] = ()

    @property
    def rotated(self) -> bool:
        """`spent` works no more."""
        return bool(self.spent) and bool(self.tokens.refresh) and self.tokens.refresh != self.spent

    def on(self, account: Account) -> Account:
        """An account with these tokens."""
        return with_tokens(account, self.tokens, self.answered)


def digest(secret: Secret) -> str:
    """What is remembered of a spent refresh token."""
    return sha256(secret.reveal().encode()).hexdigest()


def read(store: Store, name: str) -> Found:
    """Read a file. Raises Gone, BadFile, Unavailable."""
    stored = store.read(name)
    if stored is None and name in store.left_out():
        raise Unavailable(f"{name} is {_HALF}")
    if stored is None:
        raise Gone(f"{name} is not there any more")
    return _found(stored)


def take(store: Store, name: str) -> Family:
    """Lock a file and all that share its refresh token, then read it. One that is not written needs no lock.

    Raises Gone, BadFile, Unavailable.
    """
    for _ in range(TRIES):
        before = read(store, name)
        if before.account.provider in UNWRITTEN:
            return Family((name,), before, ExitStack())
        others = _sharing(store, before.account)
        alike: dict[str, str] = {}  # what has the same content may be the same file by another name: one lock, not two
        for each in sorted((Place(name, before.revision), *others)):
            alike.setdefault(each.revision, each.name)
        with ExitStack() as locks:
            for each_name in sorted(alike.values()):  # everybody in the same order: nobody waits in a ring
                locks.enter_context(store.locked(each_name))
            found = read(store, name)
            if found.account.refresh == before.account.refresh:
                return Family((name, *(each.name for each in others)), found, locks.pop_all())
    raise Unavailable(f"{name} changes again and again: what else writes it?")


def _sharing(store: Store, account: Account) -> list[Place]:
    """The other files with the same refresh token."""
    token = account.refresh
    if not token:
        return []
    needle = token.reveal().encode()
    found: list[Place] = []
    for name in store.names():
        if name == account.name:
            continue
        stored = store.read(name)
        if stored is None or needle not in stored.content:
            continue
        try:
            other = _found(stored).account
        except BadFile:
            continue
        if other.refresh == token and other.provider == account.provider:
            found.append(Place(name, stored.revision))
    return found


def save(store: Store, names: tuple[str, ...], renewal: Renewal, known: Account) -> Found | None:
    """Put new tokens into all files of a family. Gives the first as it is then; None if it was deleted meanwhile.

    Only token fields change, in whatever the file holds by now; where that is no whole file any more, in what it held
    (known: the first file's account) before. Can be repeated. Raises Unavailable: some file does not have them yet.
    """
    found: list[Found | None] = []
    troubles: list[Unavailable] = []
    for name in names:
        try:
            found.append(_put(store, name, renewal, known if name == names[0] else None))
        except Unavailable as trouble:  # the other files may be better off
            troubles.append(trouble)
    if troubles:
        raise troubles[0]
    return found[0]


def _put(store: Store, name: str, renewal: Renewal, known: Account | None) -> Found | None:
    stored = store.read(name)
    for _ in range(TRIES):
        try:
            if stored is None:
                return _restored(store, name, renewal, known)
            try:
                current = _found(stored)
            except BadFile:
                raise Unavailable(f"{name} is {_HALF}") from None
            if _is_later(current.account, renewal):
                return current
            account = renewal.on(current.account)
            content = write_account(account)
            if content == stored.content:
                return current
            return Found(account, store.write(name, content, stored.revision).revision)
        except Conflict as conflict:
            stored = conflict.current
    raise Unavailable(f"{name} changes again and again: what else writes it?")


_HALF = "half written by another program"


def _restored(store: Store, name: str, renewal: Renewal, known: Account | None) -> Found | None:
    """What another program has broken, whole again (the store keeps the rest aside, when that has come to rest)."""
    if name not in store.left_out():
        return None  # deleted by a person: not to be brought back
    if known is None:
        raise Unavailable(f"{name} is {_HALF}")
    account = renewal.on(known)
    return Found(account, store.write(name, write_account(account), None).revision)


def _is_later(account: Account, renewal: Renewal) -> bool:
    """The file holds another log-in, made while we were asking. An older one, which some program that does not know of
    locks has put back, is not: there the new tokens belong.
    """
    if not account.refresh or account.refresh in (renewal.spent, renewal.tokens.refresh):
        return False
    if digest(account.refresh) in renewal.older:  # whatever its times say: clocks differ
        return False
    return account.refreshed >= int(renewal.asked) or account.expires > (renewal.tokens.expires or float("inf"))


def _found(stored: Stored) -> Found:
    return Found(read_account(stored.name, stored.content), stored.revision)
