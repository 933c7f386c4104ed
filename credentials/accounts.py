"""The accounts of a store, and the credentials they are: what files say, and what the config says of their kind.

    claude-ana@example.com.json                → one credential of that id
    gemini-ana@example.com-all.json, two projects → `…-all.json::project-a`, `…-all.json::project-b`

A file that cannot be used is listed with the reason and stops nobody else. Members of files are read in both of their
spellings (`proxy_url`, `proxy-url`); sources: CLIProxyAPI v6 and v7, the files they write and the members they heed.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from credentials.account import Account, BadFile, read_account
from credentials.due import expires_of, renewable, secret_of
from credentials.error_rules import BadRule, ErrorRule, rule
from credentials.model import Credential, ModelAlias
from credentials.store import Store, Stored, Unavailable

KIND = "oauth"
"""Of every credential that comes from a file: log-ins, service accounts, keys that a log-in has fetched."""

NOT_WHOLE = "is no JSON object, or only half of one"

FACTS = (
    "account_id",
    "account_uuid",
    "organization_uuid",
    "base_url",
    "device_id",
    "location",
    "project",
    "project_id",
    "resource_url",
    "sub",
    "using_api",
)
"""Members of files that requests need to know, none of them secret (see `Credential.facts`)."""


@dataclass(frozen=True, slots=True)
class Customs:
    """What the config says of all accounts of a provider, by its key."""

    aliases: Mapping[str, tuple[ModelAlias, ...]] = field(default_factory=dict)
    excluded: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    error_rules: Mapping[str, tuple[ErrorRule, ...]] = field(default_factory=dict)


class Accounts:
    """What is known of a store's accounts. bad: names of files that cannot be used, with the reason.

    trouble: why the store as a whole could not be read, "" if it could.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.known: dict[str, Account] = {}
        self.revisions: dict[str, str] = {}
        self.bad: dict[str, str] = {}
        self.trouble = ""
        self._customs = Customs()
        self._made: dict[str, tuple[Account, list[Credential]]] = {}

    def load(self) -> None:
        """Read everything. Never raises for what the store holds or lacks."""
        self.known, self.revisions, self.bad, self.trouble = {}, {}, {}, ""
        try:
            names = self.store.names()
        except Unavailable as error:
            self.trouble = str(error)
            return
        for name in names:
            try:
                stored = self.store.read(name)
            except Unavailable as error:
                self.bad[name] = str(error)
            else:
                if stored is not None:
                    self._take(stored)

    def take(self, written: Iterable[Stored], gone: Iterable[str] = ()) -> bool:
        """Take up changed pieces and forget deleted ones. False if nothing is different from before."""
        before = dict(self.known), dict(self.bad)
        for stored in written:
            self._take(stored)
        for name in gone:
            self.known.pop(name, None)
            self._made.pop(name, None)
            self.revisions.pop(name, None)
            self.bad.pop(name, None)
        return before != (self.known, self.bad)

    def _take(self, stored: Stored) -> None:
        """A file that goes bad keeps its account: whoever edits it has not finished."""
        name = stored.name
        try:
            account = read_account(name, stored.content)
            if why := unusable(account):
                raise BadFile(why)
        except BadFile as error:
            self.bad[name] = str(error)
            return
        self.bad.pop(name, None)
        self.known[name], self.revisions[name] = account, stored.revision

    def credentials(self, customs: Customs) -> list[Credential]:
        """The credentials of all accounts, in the order of their names."""
        if customs != self._customs:
            self._customs, self._made = customs, {}
        found = []
        for name in sorted(self.known):
            account, made = self.known[name], self._made.get(name)
            if made is None or made[0] is not account:
                made = self._made[name] = account, credentials_of(account, customs)
            found += made[1]
        return found


def unusable(account: Account) -> str:
    """Why an account can never answer a request, in words; "" if it can."""
    if secret_of(account) or renewable(account):
        return ""
    return "holds neither a token nor what could get one: log in again"


def credentials_of(account: Account, customs: Customs) -> list[Credential]:
    """The credentials of an account: one, or one for each of several Google projects of a Gemini log-in."""
    whole = _whole(account, customs)
    projects = _projects(account)
    if len(projects) < 2:
        return [whole]
    return [_of_project(whole, account, project) for project in projects]


def _whole(account: Account, customs: Customs) -> Credential:
    provider, said = account.provider, _Said(account.body)
    facts = facts_of(account)
    return Credential(
        id=account.name,
        provider=provider,
        label=account.label,
        secret=secret_of(account),
        kind=KIND,
        # xAI's address follows from two members: see providers/places.py
        base_url="" if provider == "xai" else facts.get("base_url", ""),
        proxy_url=said.text("proxy_url"),
        prefix=_prefix(said.text("prefix")),
        priority=said.whole("priority") or 0,
        weight=1 if (weight := said.whole("weight")) is None else weight,
        headers=said.texts_by_name("headers"),
        excluded=tuple(dict.fromkeys((*said.texts("excluded_models"), *customs.excluded.get(provider, ())))),
        disabled=said.flag("disabled") or False,
        request_retry=said.whole("request_retry"),
        disable_cooling=said.flag("disable_cooling"),
        source=f"file:{account.name}",
        facts=facts,
        aliases=(*_aliases(said.value("model_aliases")), *customs.aliases.get(provider, ())),
        error_rules=(*_rules(said.value("request_scoped_errors")), *customs.error_rules.get(provider, ())),
        expires=expires_of(account),
        renewable=renewable(account),
    )


def _of_project(whole: Credential, account: Account, project: str) -> Credential:
    return replace(
        whole,
        id=f"{account.name}::{re.sub(r'[/\\ ]', '_', project)}",
        label=f"{account.label} [{project}]",
        facts={**whole.facts, "project_id": project},
        parent=account.name,
    )


def _projects(account: Account) -> list[str]:
    if account.provider != "gemini-cli":
        return []
    return list(dict.fromkeys(filter(None, map(str.strip, account.text("project_id").split(",")))))


# --- facts ----------------------------------------------------------------------------------------------------------


def facts_of(account: Account) -> dict[str, str]:
    """What requests must know of an account, by the names of its file. `plan` and a missing `account_id` of a ChatGPT
    log-in stand in its id token.
    """
    facts = {}
    for name in FACTS:
        value = account.body.get(name, account.body.get(name.replace("_", "-")))
        if isinstance(value, bool):
            facts[name] = "true" if value else "false"
        elif isinstance(value, str) and value.strip():
            facts[name] = value.strip()
    if account.provider == "codex":
        claims = _claims(account.text("id_token"))
        for name, claim in (("plan", "chatgpt_plan_type"), ("account_id", "chatgpt_account_id")):
            if isinstance(value := claims.get(claim), str) and value.strip():
                facts.setdefault(name, value.strip())
    return facts


def _claims(token: str) -> Mapping[str, Any]:
    """OpenAI's own claims of an id token. It is our own log-in's: nobody has to check its signature."""
    parts = token.split(".")
    if len(parts) < 2:
        return {}
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return {}
    claims = payload.get("https://api.openai.com/auth") if isinstance(payload, dict) else None
    return claims if isinstance(claims, dict) else {}


# --- members of files -----------------------------------------------------------------------------------------------

_YES, _NO = ("1", "t", "true", "yes", "on"), ("0", "f", "false", "no", "off")


class _Said:
    """The members of a file, in either spelling and in the forms that hands and programs give them."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body

    def value(self, name: str) -> Any:
        return self._body.get(name, self._body.get(name.replace("_", "-")))

    def text(self, name: str) -> str:
        value = self.value(name)
        return value.strip() if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """A list, or a text with commas."""
        value = self.value(name)
        found = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
        return [each.strip() for each in found if isinstance(each, str) and each.strip()]

    def texts_by_name(self, name: str) -> dict[str, str]:
        value = self.value(name)
        return {key: text for key, text in value.items() if isinstance(text, str)} if isinstance(value, dict) else {}

    def whole(self, name: str) -> int | None:
        value = self.value(name)
        if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d{1,9}\s*", value):
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not -1e9 < value < 1e9:
            return None
        return int(value)

    def flag(self, name: str) -> bool | None:
        value = self.value(name)
        if isinstance(value, str):
            word = value.strip().lower()
            return True if word in _YES else False if word in _NO else None
        return value if isinstance(value, bool) else None


def _prefix(text: str) -> str:
    """One segment; surrounding slashes are taken off, one with a slash inside says nothing."""
    plain = text.strip("/")
    return "" if "/" in plain else plain


def _aliases(value: Any) -> list[ModelAlias]:
    found = []
    for entry in value if isinstance(value, list) else []:
        said = _Said(entry if isinstance(entry, dict) else {})
        if (name := said.text("name")) and (alias := said.text("alias")):
            flags = said.flag("fork") or False, said.text("display_name"), said.flag("force_mapping") or False
            found.append(ModelAlias(name, alias, *flags))
    return found


def _rules(value: Any) -> list[ErrorRule]:
    """The rules that can be used: a slip of the pen in a file must not stop its account."""
    found = []
    for entry in value if isinstance(value, list) else []:
        said = _Said(entry if isinstance(entry, dict) else {})
        try:
            found.append(
                rule(said.whole("status") or 0, said.texts("match"), said.texts("match_regexr"), said.text("action"))
            )
        except BadRule:
            continue
    return found
