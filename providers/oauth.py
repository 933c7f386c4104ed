"""Log-ins as data: client ids, addresses, scopes and lead times of `data/oauth.yaml`. No secrets are there."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from providers.catalog import DATA, CatalogError


class LogIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How accounts of one provider are opened and renewed. The fields are explained at the head of the file."""

    title: str
    client_id: str
    variable: str
    urls: dict[str, str]
    secret: str = ""
    scope: str = ""
    redirect: str = ""
    moves: bool = False
    lead: float = 0.0
    stale: float = 60.0
    rotates: bool = False
    official: str = ""
    notice: str = ""


def read_log_ins(text: str, origin: str = "oauth.yaml") -> Mapping[str, LogIn]:
    """Read the file: provider key → LogIn. Raises CatalogError with the entry and field that is wrong."""
    try:
        tree: Any = yaml.safe_load(text)
        found = msgspec.convert(tree, dict[str, LogIn])
    except (yaml.YAMLError, msgspec.MsgspecError) as error:
        raise CatalogError(f"{origin}: {error}") from error
    return MappingProxyType(found)


def load(data: Path = DATA) -> Mapping[str, LogIn]:
    """The log-ins that come with the program. Raises CatalogError, OSError."""
    return read_log_ins((data / "oauth.yaml").read_text(encoding="utf-8"))
