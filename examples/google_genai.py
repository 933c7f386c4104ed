"""Gemini: python examples/google_genai.py [MODEL]. Needs `pip install google-genai`."""

import os
import sys

from google import genai

base = os.environ.get("CLIPROXY", "http://127.0.0.1:8317")
client = genai.Client(api_key=os.environ.get("CLIPROXY_KEY", "any"), http_options={"base_url": base})
model = sys.argv[1] if len(sys.argv) > 1 else "demo-text"
for chunk in client.models.generate_content_stream(model=model, contents="Hello"):
    print(chunk.text or "", end="", flush=True)
print()
