"""What a person sees at the start: where it listens, what it found, which models it serves, and a line to try."""

import asyncio
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from mitmproxy import ctx

from addons.config.discover import Door, discover, probe
from addons.listen import Listen, own_url
from addons.models import Models, cheapest, newest_first
from addons.settings import Settings
from credentials.accounts import KIND

LABEL = 11
SHOWN_MODELS = 4


class Greet:
    """Prints once, when the port is open. Silent under `-q`, in mitmproxy's console, and without a server."""

    def __init__(self, settings: Settings, models: Models, listen: Listen) -> None:
        self.settings = settings
        self.models = models
        self.listen = listen
        self._task: asyncio.Task[None] | None = None

    def running(self) -> None:
        """The loop runs; the servers are up, or are about to be."""
        console = type(ctx.master).__name__ == "ConsoleMaster"
        quiet = getattr(ctx.options, "termlog_verbosity", "info") in ("error", "warn")
        if ctx.options.server and not console and not quiet:
            self._task = asyncio.get_running_loop().create_task(self._greet())

    async def _greet(self) -> None:
        await self.listen.ready.wait()
        doors = await probe() if self.settings.runtime.path is None else ()
        print(self.text(doors), flush=True)

    def text(self, doors: tuple[Door, ...] = ()) -> str:
        """The greeting. `doors`: local model servers that were seen."""
        runtime = self.settings.runtime
        base = own_url(self.settings)
        web = getattr(ctx.master, "web_url", "")  # mitmweb's; it carries the token that lets a browser in
        rows = [
            ("cliproxy", base),
            *([("inspector", web)] if web else []),
            ("config", str(runtime.path or "none: defaults (config.example.yaml shows all keys)")),
        ]
        rows += self._found(doors)
        if runtime.cassette is not None:
            count = len(runtime.cassette.recordings)
            rows.append(("cassette", f"{runtime.cassette.path} answers ({count} recorded): no upstream is asked"))
            return "\n".join(["", *(_row(label, text) for label, text in rows), ""])
        lines = ["", *(_row(label, text) for label, text in rows), "", "  models", *self._models(), "", "  try"]
        return "\n".join([*lines, f"    {self._curl(base)}", ""])

    def _found(self, doors: tuple[Door, ...]) -> list[tuple[str, str]]:
        runtime = self.settings.runtime
        rows = []
        keys = Counter(found.provider for found in runtime.credentials if not (found.disabled or found.kind == KIND))
        if keys:
            rows.append(("keys", _counted(keys)))
        rows += self._accounts()
        found = discover(os.environ, Path.home(), runtime.config.auth_path(Path.home()))
        if runtime.path is not None and found.variables:
            rows.append(("unused", f"{', '.join(found.variables)} (a config file is in use)"))
        if found.log_ins:
            tools = ", ".join(dict.fromkeys(each.tool for each in found.log_ins))
            rows.append(("log-ins", f"{tools} (not used yet)"))
        for door in doors:
            rows.append(("local", f"{door.name} on port {door.port}: add it under openai-compatibility"))
        if runtime.demo:
            why = "demo: true" if runtime.config.demo else "no credential is configured"
            rows.append(("demo", f"on ({why}): demo models answer offline"))
        return rows

    def _accounts(self) -> list[tuple[str, str]]:
        """The auth directory's: those in use, and why others are not."""
        runtime, auth_dir = self.settings.runtime, self.settings.auth_dir
        every = [found for found in (*runtime.credentials, *runtime.unserved) if found.kind == KIND]
        used = Counter(found.provider for found in runtime.credentials if found.kind == KIND and not found.disabled)
        resting = {
            "disabled": sum(found.disabled for found in every),
            "not served yet": sum(not found.disabled for found in runtime.unserved if found.kind == KIND),
            "unusable": len(auth_dir.unusable()) if auth_dir is not None else 0,
        }
        told = ", ".join(f"{number} {what}" for what, number in resting.items() if number)
        if auth_dir is None or not (used or told):
            return []
        return [("accounts", f"{_counted(used) or 'none'}{f' ({told})' if told else ''}, from {auth_dir.folder}")]

    def _models(self) -> list[str]:
        models = sorted(self.models.visible(), key=newest_first)
        if not models:
            return ["    none: add a key to the config"]
        owners: dict[str, list[str]] = {}
        for model in models:
            owners.setdefault(model.owned_by or "other", []).append(model.id)
        width = max(map(len, owners))
        lines = []
        for owner, names in sorted(owners.items()):
            more = f", … {len(names)} in all" if len(names) > SHOWN_MODELS else ""
            lines.append(f"    {owner:<{width}}  {', '.join(names[:SHOWN_MODELS])}{more}")
        return lines

    def _curl(self, base: str) -> str:
        runtime = self.settings.runtime
        model = "demo-text" if runtime.demo else cheapest(self.models.visible()) or "demo-text"
        key = " -H 'authorization: Bearer ONE-OF-YOUR-API-KEYS'" if runtime.keys else ""
        body = f'{{"model":"{model}","stream":true,"messages":[{{"role":"user","content":"hello"}}]}}'
        return f"curl -N {base}/v1/chat/completions -H 'content-type: application/json'{key} -d '{body}'"


def _row(label: str, text: str) -> str:
    return f"  {label:<{LABEL}}{text}"


def _counted(counter: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ×{count}" if count > 1 else name for name, count in sorted(counter.items()))
