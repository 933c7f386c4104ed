"""How each client is pointed at a base address and asked one thing, headless, with telemetry and updates off."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KEY = "key-of-the-client"


@dataclass(frozen=True)
class Run:
    """One start of a client. files: written into its home before, by path. tools: names under which a file can be read
    with it, each with the arguments for a path."""

    dialect: str
    model: str
    arguments: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    tools: dict[str, Callable[[Path], dict[str, Any]]] = field(default_factory=dict)


def claude(url: str, prompt: str) -> Run:
    """Claude Code."""
    return Run(
        dialect="claude",
        model="claude-sonnet-4-6",
        arguments=["-p", prompt, "--model", "claude-sonnet-4-6", "--allowedTools", "Read"],
        environment={
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_AUTH_TOKEN": KEY,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": "claude-haiku-4-5",
        },
        tools={"Read": lambda path: {"file_path": str(path)}},
    )


def codex(url: str, prompt: str) -> Run:
    """Codex CLI, with a provider of its own."""
    settings = f"""\
model = "gpt-5.5"
model_provider = "local"
approval_policy = "never"
sandbox_mode = "danger-full-access"
[model_providers.local]
name = "local"
base_url = "{url}/v1"
env_key = "LOCAL_API_KEY"
wire_api = "responses"
[features]
apps = false
plugins = false
[analytics]
enabled = false
"""
    return Run(
        dialect="openai-responses",
        model="gpt-5.5",
        arguments=["exec", "--skip-git-repo-check", prompt],
        environment={"LOCAL_API_KEY": KEY},
        files={".codex/config.toml": settings},
        tools={
            "exec_command": lambda path: {"cmd": f"cat {path}"},
            "shell": lambda path: {"command": ["cat", str(path)]},
        },
    )


def gemini(url: str, prompt: str) -> Run:
    """Gemini CLI."""
    settings = {
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": False},
        "general": {"enableAutoUpdate": False, "disableAutoUpdate": True},
        "telemetry": {"enabled": False},
    }
    return Run(
        dialect="gemini",
        model="gemini-2.5-pro",
        arguments=["-m", "gemini-2.5-pro", "--approval-mode", "yolo", "-p", prompt],
        environment={
            "GOOGLE_GEMINI_BASE_URL": url,
            "GEMINI_API_KEY": KEY,
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
        },
        files={".gemini/settings.json": json.dumps(settings)},
        tools={"read_file": lambda path: {"file_path": str(path)}},
    )


def qwen(kind: str) -> Callable[[str, str], Run]:
    """Qwen Code, by the dialect it is told to speak."""
    model, base, name, variable = {
        "openai": ("some-open-model", "/v1", "openai-chat", "OPENAI"),
        "openai-responses": ("gpt-5.5", "/v1", "openai-responses", "OPENAI"),
        "anthropic": ("claude-sonnet-4-6", "", "claude", "ANTHROPIC"),
        "gemini": ("gemini-2.5-pro", "", "gemini", "GEMINI"),
    }[kind]
    address = "GOOGLE_GEMINI_BASE_URL" if kind == "gemini" else f"{variable}_BASE_URL"
    settings = {
        "privacy": {"usageStatisticsEnabled": False},
        "general": {"enableAutoUpdate": False, "disableAutoUpdate": True},
        "telemetry": {"enabled": False},
    }

    def run(url: str, prompt: str) -> Run:
        return Run(
            dialect=name,
            model=model,
            arguments=["--auth-type", kind, "-m", model, "--approval-mode", "yolo", "-p", prompt],
            environment={address: url + base, f"{variable}_API_KEY": KEY, "QWEN_CODE_TRUST_WORKSPACE": "true"},
            files={".qwen/settings.json": json.dumps(settings)},
            tools={"read_file": lambda path: {"file_path": str(path)}},
        )

    return run


def opencode(package: str) -> Callable[[str, str], Run]:
    """OpenCode, by the provider package that speaks the dialect."""
    model, base, name = {
        "openai-compatible": ("some-open-model", "/v1", "openai-chat"),
        "openai": ("gpt-5.5", "/v1", "openai-responses"),
        "anthropic": ("claude-sonnet-4-6", "/v1", "claude"),
        "google": ("gemini-2.5-pro", "/v1beta", "gemini"),
    }[package]

    def run(url: str, prompt: str) -> Run:
        provider = {
            "npm": f"@ai-sdk/{package}",
            "name": "local",
            "options": {"baseURL": url + base, "apiKey": KEY},
            "models": {model: {"name": model, "reasoning": True, "tool_call": True}},
        }
        settings = {"provider": {"local": provider}, "autoupdate": False, "share": "disabled"}
        return Run(
            dialect=name,
            model=model,
            arguments=["run", "-m", f"local/{model}", prompt],
            environment={"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1"},
            files={".config/opencode/opencode.json": json.dumps(settings)},
            tools={"read": lambda path: {"filePath": str(path)}},
        )

    return run


CLIENTS: dict[str, tuple[str, Callable[[str, str], Run]]] = {
    "claude": ("claude", claude),
    "codex": ("codex", codex),
    "gemini": ("gemini", gemini),
    "qwen/chat": ("qwen", qwen("openai")),
    "qwen/responses": ("qwen", qwen("openai-responses")),
    "qwen/claude": ("qwen", qwen("anthropic")),
    "qwen/gemini": ("qwen", qwen("gemini")),
    "opencode/chat": ("opencode", opencode("openai-compatible")),
    "opencode/responses": ("opencode", opencode("openai")),
    "opencode/claude": ("opencode", opencode("anthropic")),
    "opencode/gemini": ("opencode", opencode("google")),
}
"""Name → (program, how it is run)."""
MODELS = (
    "claude-sonnet-4-6", "claude-haiku-4-5", "gpt-5.5", "some-open-model", "gemini-2.5-pro", "gemini-2.5-flash",
    "gemini-2.5-flash-lite", "gemini-3.5-flash-lite", "gemini-3-flash-preview",
)  # fmt: skip
"""What the clients ask for, in the foreground and behind it."""
