"""mitmproxy addons: one concern each. The list of them, in order, is cliproxy.py."""
