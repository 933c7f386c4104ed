"""Log-ins and refreshes, one module a provider, told as steps that know no network (flow.py)."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from credentials.account import Account, Tokens
from credentials.oauth import claude, codex, google, iflow, kimi, qwen, vertex, xai
from credentials.oauth.flow import Client, Steps
from credentials.oauth.ways import Way

type Refresh = Callable[[Account, Client, float], Steps[Tokens]]

REFRESH: Mapping[str, Refresh] = MappingProxyType(
    {
        "claude": claude.refresh,
        "codex": codex.refresh,
        "gemini-cli": google.refresh,
        "antigravity": google.refresh_antigravity,
        "qwen": qwen.refresh,
        "iflow": iflow.refresh,
        "kimi": kimi.refresh,
        "xai": xai.refresh,
        "vertex": vertex.refresh,
    }
)
"""Provider key → its refresh. Vertex: the token belongs in memory, not in the file."""

AFTER: Mapping[str, Callable[[Account, Client, float], Steps[Tokens] | None]] = MappingProxyType({"iflow": iflow.after})
"""Provider key → what else has to be asked when a refresh's tokens are safe; the `more` of its tokens is written."""

LOGINS: Mapping[str, Way] = MappingProxyType(
    {
        "claude": claude.WAY,
        "codex": codex.WAY,
        "gemini-cli": google.GEMINI,
        "antigravity": google.ANTIGRAVITY,
        "qwen": qwen.WAY,
        "iflow": iflow.WAY,
        "kimi": kimi.WAY,
        "xai": xai.WAY,
        "vertex": vertex.WAY,
    }
)
"""Provider key → the ways in. Vertex has none but its key file (imports.py)."""
