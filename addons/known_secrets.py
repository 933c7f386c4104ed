"""Every secret that a config and the accounts beside it hold: what must not be read anywhere afterwards."""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from addons.config.model import Config
from addons.inspection.masking import names_secret
from credentials.account import Account
from credentials.accounts import Accounts
from credentials.model import Credential, Secret

_MADE = re.compile(r"(?=.*\d)[\w.~+=-]{16,}")
"""A value of a configured header that looks made rather than written: long, with a digit, without blanks."""
_MEMBERS = re.compile(r"token|secret|api.?key|password|cookie|private_key$|code_verifier", re.IGNORECASE)
"""Members of credential files."""


def secrets_of(config: Config, credentials: Iterable[Credential], accounts: Accounts | None) -> Iterator[str]:
    """The secrets in plain text, some of them more than once."""
    yield from _typed(config)
    for credential in credentials:
        yield credential.secret.reveal()
        yield from _in_headers(credential.headers)
        yield urlsplit(credential.proxy_url).password or ""
    if accounts is not None:
        yield from _in_accounts(accounts)


_FOUND: WeakKeyDictionary[Accounts, dict[str, tuple[Account, tuple[str, ...]]]] = WeakKeyDictionary()
"""What was found in each account: with thousands of them, a new token of one must not be a look through all."""


def _in_accounts(accounts: Accounts) -> Iterator[str]:
    before, now = _FOUND.get(accounts, {}), dict[str, tuple[Account, tuple[str, ...]]]()
    for name, account in accounts.known.items():
        held = before.get(name)
        fits = held is not None and held[0] is account
        now[name] = held if held and fits else (account, tuple(_in_members(account.body, False)))
    _FOUND[accounts] = now
    for _, found in now.values():
        yield from found


def _typed(value: object) -> Iterator[str]:
    """Whatever is a Secret, however deep it stands in the config."""
    if isinstance(value, Secret):
        yield value.reveal()
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from _typed(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _typed(member)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _typed(getattr(value, field.name))


def _in_headers(headers: Mapping[str, str]) -> Iterator[str]:
    """Values that the config gives a header; a `$Name` copies the client's, whose secrets nobody knows."""
    for name, value in headers.items():
        if not value.startswith("$") and (names_secret(name) or _MADE.fullmatch(value)):
            yield value.rpartition(" ")[2] if "authorization" in name.lower() else value


def _in_members(value: object, secret: bool) -> Iterator[str]:
    """Texts of a credential file under a name for a secret. A private key's lines are secrets, too."""
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield from _in_members(member, secret or bool(_MEMBERS.search(str(name))))
    elif isinstance(value, list):
        for member in value:
            yield from _in_members(member, secret)
    elif secret and isinstance(value, str):
        yield value
        if "\n" in value:
            yield from (line for line in value.splitlines() if len(line) >= 40)
