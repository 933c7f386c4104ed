"""Where an account's requests go: what of a provider's entry follows from the account itself.

Base URL, paths and headers of an entry may hold `{name}`: the fact of that name is put in. Facts are what the account's
file says (Credential.facts), completed by the function that the entry names as its `account`. A header whose facts
are missing is left out; an address that misses one cannot be used.

    claude    —                                        kimi     device_id, base_url
    codex     account_id, plan                         qwen     resource_url
    vertex    project_id (or project), location        iflow    base_url
    xai       base_url, using_api

`plan` is the plan of a ChatGPT log-in (`chatgpt_plan_type` of its id token) and decides about its models.
"""

import platform
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from providers.catalog import Provider, UnknownProvider
from providers.version import VERSION

_FACT = re.compile(r"\{(\w+)\}")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9.:-]*[a-z0-9])?")  # of a Google project or location: also safe in an address


def placed(provider: Provider, facts: Mapping[str, str]) -> Provider:
    """The provider as one account reaches it. Raises UnknownProvider if the account lacks what its address needs."""
    if not (facts or provider.account or any("{" in value for value in provider.headers.values())):
        return provider
    known = ACCOUNTS[provider.account](facts) if provider.account else facts
    headers = {name: _fill(value, known) for name, value in provider.headers.items()}
    return replace(
        provider,
        base_url=_address(provider, provider.base_url, known),
        paths=MappingProxyType({name: _address(provider, path, known) for name, path in provider.paths.items()}),
        headers=MappingProxyType({name: value for name, value in headers.items() if value is not None}),
        lists=provider.plans.get(known.get("plan", "").lower(), provider.lists),
        clients=MappingProxyType({dialect: placed(served, facts) for dialect, served in provider.clients.items()}),
    )


def _address(provider: Provider, text: str, facts: Mapping[str, str]) -> str:
    filled = _fill(text, {"model": "{model}", **facts})
    if filled is None:
        missing = next(name for name in _FACT.findall(text) if name != "model" and not facts.get(name))
        raise UnknownProvider(f"{provider.title or provider.key}: the account names no {missing}")
    return filled


def _fill(text: str, facts: Mapping[str, str]) -> str | None:
    """The text with its facts; None if one is missing."""
    if any(not facts.get(name) for name in _FACT.findall(text)):
        return None
    return _FACT.sub(lambda found: facts[found[1]], text)


# --- accounts -------------------------------------------------------------------------------------------------------


def _vertex(facts: Mapping[str, str]) -> dict[str, str]:
    """Google's regional hosts; `global` has none of its own in the name."""
    project = facts.get("project_id") or facts.get("project", "")
    location = (facts.get("location") or "us-central1").lower()
    for name, value in (("project_id", project), ("location", location)):
        if value and not _LABEL.fullmatch(value):
            raise UnknownProvider(f"Vertex AI: {name} {value!r} is none")
    host = "aiplatform.googleapis.com" if location == "global" else f"{location}-aiplatform.googleapis.com"
    return {**facts, "project_id": project, "location": location, "host": host}


def _qwen(facts: Mapping[str, str]) -> dict[str, str]:
    """The log-in names its server, without scheme and version."""
    server = (facts.get("resource_url") or "portal.qwen.ai").strip().rstrip("/")
    base = server if server.startswith(("http://", "https://")) else f"https://{server}"
    return {**facts, "base_url": base if base.endswith("/v1") else f"{base}/v1"}


def _kimi(facts: Mapping[str, str]) -> dict[str, str]:
    """The token is bound to the device id of the log-in; the other device headers say what runs here."""
    device = {"version": VERSION, "device_model": f"{platform.system()} {platform.machine()}".strip() or "unknown"}
    return {"base_url": "https://api.kimi.com/coding", **device, **_given(facts)}


def _iflow(facts: Mapping[str, str]) -> dict[str, str]:
    return {"base_url": "https://apis.iflow.cn/v1", **_given(facts)}


_XAI = "https://api.x.ai/v1"
_XAI_CHAT = "https://cli-chat-proxy.grok.com/v1"


def _xai(facts: Mapping[str, str]) -> dict[str, str]:
    """xAI's API takes the same tokens as the chat proxy of its own client, which is used only if the file says so
    (`using_api: false`, or its address); that one is told the kind of token.
    """
    base = (facts.get("base_url") or _XAI).rstrip("/")
    if base == _XAI and facts.get("using_api", "").lower() == "false":
        base = _XAI_CHAT
    marker = {"token_kind": "xai-grok-cli"} if base == _XAI_CHAT else {}
    return {**facts, "base_url": base, **marker}


def _given(facts: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in facts.items() if value}


ACCOUNTS: dict[str, Callable[[Mapping[str, str]], Mapping[str, str]]] = {
    "vertex": _vertex,
    "qwen": _qwen,
    "kimi": _kimi,
    "iflow": _iflow,
    "xai": _xai,
}
"""By the name that `account` in data/providers.yaml uses: facts → all facts that the entry may use."""
