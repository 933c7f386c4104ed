"""Every test starts from an environment without proxies, keys and base addresses."""

import os

import pytest

CLEARED = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir")
PREFIXES = ("openai_", "anthropic_", "google_", "gemini_", "vertex_", "cliproxy_", "claude_", "codex_")
KEPT = ("CLIPROXY_CORPUS",)


def pytest_configure(config: pytest.Config) -> None:
    """Clear it once, before anything that lives longer than a test is made."""
    for name in list(os.environ):
        if name not in KEPT and (name.lower() in CLEARED or name.lower().startswith(PREFIXES)):
            del os.environ[name]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Cases are written by the program and read by a person."""
    parser.addoption("--all", action="store_true", help="every generated request to every kind of upstream")
    parser.addoption("--accept", action="store_true", help="write what was got into the .case files")
