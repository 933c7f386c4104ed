"""Does memory stay within its bounds? mitmweb with many large exchanges, as on a long day.

    python benchmarks/memory.py [--count 10000] [--size 1000000] [--keep-memory BYTES] [--same]

Each exchange has a request of `size` bytes, translated (or passed on, with --same) and answered as a stream. Prints the
resident memory and the flows in mitmweb's list as it goes. Exit 1 if the list grows over its bound, or if memory is not
flat: more at the end than at half time by a tenth, or more than twice what the list may hold, and 200 MB for the work.
"""

import argparse
import http.client
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.process import BIN, ROOT, free_port, memory_mb, running, wait_for_answer
from benchmarks.run import CONFIG

STEPS = 10
PASSWORD = "only-for-this-measurement"


def main() -> int:
    """Measure; the exit status."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        output = home / "upstream.log"
        with running([sys.executable, "-m", "benchmarks.upstream"], home, output):
            while not output.read_text().endswith("\n"):
                pass
            port, web = free_port(), free_port()
            (home / "auth").mkdir(mode=0o700)
            config = home / "config.yaml"
            text = CONFIG.format(home=home, lean="true", upstream=int(output.read_text()))
            config.write_text(text + f"inspect: {{keep-memory: {options.keep_memory}}}\n")
            config.chmod(0o600)
            command = [
                BIN / "mitmweb",
                "-q",
                "-s",
                ROOT / "addons" / "cliproxy.py",
                "--set",
                f"confdir={home / 'conf'}",
            ]
            command += ["--listen-port", str(port), "--set", f"cliproxy_config={config}", "--set", f"web_port={web}"]
            command += ["--set", "web_open_browser=false", "--set", f"web_password={PASSWORD}"]
            with running(command, home, home / "log") as proxy:
                wait_for_answer(port, b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", proxy, home / "log")
                return _measure(options, proxy.pid, port, web)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--keep-memory", type=int, default=256 * 1024 * 1024)
    parser.add_argument("--same", action="store_true", help="the upstream speaks the client's dialect")
    return parser.parse_args()


def _measure(options: argparse.Namespace, pid: int, port: int, web: int) -> int:
    body = json.dumps(
        {
            "model": "bench-same" if options.same else "bench-translated",
            "max_tokens": 100,
            "stream": True,
            "messages": [{"role": "user", "content": "#fast:50 " + "many words, " * (options.size // 12)}],
        }
    ).encode()
    began, start = time.monotonic(), memory_mb(pid)
    print(f"{0:>7} exchanges  {start:7.0f} MB", flush=True)
    sizes, shown = [start], 0
    for step in range(1, STEPS + 1):
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda _: _ask(port, body), range(options.count // STEPS)))
        sizes.append(memory_mb(pid))
        shown = _shown(web)
        took = time.monotonic() - began
        print(f"{step * options.count // STEPS:>7} exchanges  {sizes[-1]:7.0f} MB  {shown:>5} flows  {took:5.0f} s")
        sys.stdout.flush()
    half, end = sizes[STEPS // 2], sizes[-1]
    bound = start + 2 * options.keep_memory / 1024**2 + 200
    print(f"{half:.0f} MB at half time, {end:.0f} MB at the end, {bound:.0f} MB allowed")
    return 0 if shown * options.size <= 1.1 * options.keep_memory and end <= min(bound, 1.1 * half) else 1


def _ask(port: int, body: bytes) -> None:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"content-type": "application/json", "x-api-key": "sk-bench-client-key"}
    line.request("POST", "/v1/messages", body, headers | {"anthropic-version": "2023-06-01"})
    answer = line.getresponse()
    said = answer.read()
    assert answer.status == 200, said[:300]
    assert b"message_stop" in said, said[-300:]
    line.close()


def _shown(web: int) -> int:
    """The flows in mitmweb's list."""
    line = http.client.HTTPConnection("127.0.0.1", web, timeout=60)
    line.request("GET", "/flows", headers={"authorization": f"Bearer {PASSWORD}"})
    found = json.loads(line.getresponse().read())
    line.close()
    return len(found)


if __name__ == "__main__":
    sys.exit(main())
