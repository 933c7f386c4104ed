"""Where the vendors' own clients keep their log-ins. Read off the tools in August 2026."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Place(NamedTuple):
    """A client's file, below its folder in the home folder; a variable may name another folder."""

    tool: str
    provider: str
    folder: str
    file: str
    variable: str = ""

    def path(self, environment: Mapping[str, str], home: Path) -> Path:
        """Where it is on this machine."""
        moved = environment.get(self.variable, "").strip() if self.variable else ""
        return (Path(moved) if moved else home / self.folder) / self.file


PLACES = (
    Place("Claude Code", "claude", ".claude", ".credentials.json", "CLAUDE_CONFIG_DIR"),
    Place("Codex", "codex", ".codex", "auth.json", "CODEX_HOME"),
    Place("Gemini CLI", "gemini-cli", ".gemini", "oauth_creds.json"),
    Place("Qwen Code", "qwen", ".qwen", "oauth_creds.json"),
    Place("iFlow", "iflow", ".iflow", "oauth_creds.json"),
    Place("Kimi", "kimi", ".kimi", "credentials/kimi-code.json", "KIMI_SHARE_DIR"),
    Place("Kimi", "kimi", ".kimi-code", "credentials/kimi-code.json"),
    Place("Grok", "xai", ".grok", "auth.json", "GROK_HOME"),
)
