"""Dialects of LLM APIs and their translation. Bytes and values in, bytes and values out: no I/O, no clock."""
