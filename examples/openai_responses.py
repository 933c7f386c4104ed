"""OpenAI Responses: python examples/openai_responses.py [MODEL]. Needs `pip install openai`."""

import os
import sys

from openai import OpenAI

base = os.environ.get("CLIPROXY", "http://127.0.0.1:8317")
client = OpenAI(base_url=f"{base}/v1", api_key=os.environ.get("CLIPROXY_KEY", "any"))
model = sys.argv[1] if len(sys.argv) > 1 else "demo-text"
for event in client.responses.create(model=model, input="Hello", stream=True):
    if event.type == "response.output_text.delta":
        print(event.delta, end="", flush=True)
print()
