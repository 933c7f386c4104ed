"""Real command-line clients, run headless through a proxy against fake upstreams (scripts/try-clients)."""
