"""The engine: the one place that touches mitmproxy's proxy layers (verified on mitmproxy 12.2)."""
