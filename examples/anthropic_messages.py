"""Anthropic Messages: python examples/anthropic_messages.py [MODEL]. Needs `pip install anthropic`."""

import os
import sys

from anthropic import Anthropic

base = os.environ.get("CLIPROXY", "http://127.0.0.1:8317")
client = Anthropic(base_url=base, api_key=os.environ.get("CLIPROXY_KEY", "any"))
model = sys.argv[1] if len(sys.argv) > 1 else "demo-text"
with client.messages.stream(model=model, max_tokens=500, messages=[{"role": "user", "content": "Hello"}]) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)
print()
