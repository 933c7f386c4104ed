"""OpenAI Chat Completions: python examples/openai_chat.py [MODEL]. Needs `pip install openai`."""

import os
import sys

from openai import OpenAI

base = os.environ.get("CLIPROXY", "http://127.0.0.1:8317")
client = OpenAI(base_url=f"{base}/v1", api_key=os.environ.get("CLIPROXY_KEY", "any"))
model = sys.argv[1] if len(sys.argv) > 1 else "demo-text"
stream = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello"}], stream=True)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
