"""Measures cliproxy beside stock mitmdump, side by side in one run, on this machine and without any account.

    python benchmarks/run.py [--quick] [--rounds N] [--more | --stock]

Each round sends the same load through each way in turn; the tables show medians of the rounds and, as ratios to stock
mitmdump, the median and the spread. CPU is that of the proxy's process alone. Less is better, but for requests and
events a second.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.load import build_request
from benchmarks.process import BIN, ROOT, cpu_seconds, free_port, memory_mb, running, wait_for_answer

CONFIG = """\
host: 127.0.0.1
auth-dir: "{home}/auth"
api-keys: [sk-bench-client-key]
engine: {{lean: {lean}}}
claude-api-key:
  - api-key: sk-bench-upstream
    base-url: http://127.0.0.1:{upstream}
    models: [{{name: claude-upstream, alias: bench-same}}]
openai-compatibility:
  - name: bench
    base-url: http://127.0.0.1:{upstream}/v1
    api-key-entries: [{{api-key: sk-bench-upstream}}]
    models: [{{name: chat-upstream, alias: bench-translated}}]
"""


STOCK, STOCK_LEAN = "stock mitmdump", "stock mitmdump, lean"
CLIPROXY, CLIPROXY_PLAIN = "cliproxy", "cliproxy, not lean"


class Way(NamedTuple):
    """A way from the client to the upstream. pid 0: none between them."""

    name: str
    port: int
    model: str
    pid: int


class Load(NamedTuple):
    """What a client asks for. events: deltas in each answer, 0 for an answer in one piece."""

    name: str
    text: str
    connections: int
    total: int
    events: int


class Sample(NamedTuple):
    """One measurement: rates a second, first in seconds, CPU in seconds for a request or event."""

    rate: float
    first: float
    cpu: float


def loads(quick: bool) -> list[Load]:
    """The loads; a quick run has a sixth of them."""
    scale = 1 if quick else 6
    return [
        Load("short streams, one at a time", "#fast:1", 1, 200 * scale, 0),
        Load("whole answers, 8 at a time", "#whole", 8, 250 * scale, 0),
        Load("fast streams, 4 at a time", "#fast:2000", 4, 8 * scale, 2000),
        Load("paced streams, 20 at a time, an event each 20 ms", f"#paced:{40 * scale}:20", 20, 20, 40 * scale),
    ]


def send(way: Way, load: Load) -> Sample:
    """Send a load one way. RuntimeError if an answer was not whole."""
    before = cpu_seconds(way.pid) if way.pid else 0.0
    command = [sys.executable, "-m", "benchmarks.load", way.port, load.connections, load.total, way.model, load.text]
    said = subprocess.run([str(word) for word in command], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    used = cpu_seconds(way.pid) - before if way.pid else 0.0
    result = json.loads(said)
    if result["failed"]:
        raise RuntimeError(f"{way.name}, {load.name}: {result['failed']} of {load.total} answers failed")
    units = load.total * (load.events or 1)
    return Sample(units / result["seconds"], result["first"], used / units)


class Bench:
    """The programs under measurement, in a folder of their own."""

    def __init__(self, stack: ExitStack, home: Path) -> None:
        self.stack = stack
        self.home = home
        (home / "auth").mkdir(mode=0o700)
        output = home / "upstream.log"
        stack.enter_context(running([sys.executable, "-m", "benchmarks.upstream"], home, output))
        while not output.read_text().endswith("\n"):
            pass
        self.upstream = int(output.read_text())

    def command(self, name: str, port: int) -> list[str | Path]:
        """How a proxy is started; `name` is one of WAYS."""
        listen = ["--listen-host", "127.0.0.1", "--listen-port", str(port), "--set", "connection_strategy=lazy"]
        if name.startswith("stock"):
            script = ROOT / "benchmarks" / ("stock_lean.py" if name == STOCK_LEAN else "stock.py")
            mode = f"reverse:http://127.0.0.1:{self.upstream}"
            return [BIN / "mitmdump", "-q", "-s", script, "--mode", mode, *listen]
        config = self.home / f"{len(name)}.yaml"
        config.write_text(CONFIG.format(home=self.home, upstream=self.upstream, lean=str(name == CLIPROXY).lower()))
        config.chmod(0o600)
        script, mode = ROOT / "addons" / "cliproxy.py", "reverse:http://127.0.0.1:9"
        return [BIN / "mitmdump", "-q", "-s", script, "--mode", mode, *listen, "--set", f"cliproxy_config={config}"]

    def start(self, name: str, stack: ExitStack) -> tuple[int, int, float]:
        """Start a proxy: its port, its process id and the seconds to its first answer."""
        port, output = free_port(), self.home / "proxy.log"
        program = stack.enter_context(running(self.command(name, port), self.home, output))
        request = build_request(port, "bench-same", "#whole")
        return port, program.pid, wait_for_answer(port, request, program, output)


def measure_start(bench: Bench, names: list[str], rounds: int) -> dict[str, list[float]]:
    """Seconds from the command to the first answer. The very first start makes certificates: not counted."""
    with ExitStack() as stack:
        bench.start(names[0], stack)
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            with ExitStack() as stack:
                found[name].append(bench.start(name, stack)[2])
    return found


def measure_memory(way: Way, exchanges: int) -> list[tuple[int, float]]:
    """Memory in MB at the start and after each fifth of the exchanges, half of them streams."""
    points = [(0, memory_mb(way.pid))]
    step = exchanges // 5
    for done in range(step, exchanges + 1, step):
        send(way, Load("memory", "#whole", 8, step // 2, 0))
        send(way, Load("memory", "#fast:20", 8, step - step // 2, 20))
        points.append((done, memory_mb(way.pid)))
    return points


def print_table(title: str, unit: str, samples: dict[str, list[Sample]], stock: str) -> None:
    """One load: a line for each way, with its rate and its CPU as ratios to stock mitmdump in the same round."""
    print(
        f"\n{title}\n  {'':<30}{unit + '/s':>10}{'to stock':>22}{'first byte':>12}{'CPU/' + unit:>14}{'to stock':>22}"
    )
    for name, several in samples.items():
        rate, first, cpu = (statistics.median(values) for values in zip(*several, strict=True))
        pairs = list(zip(several, samples[stock], strict=True))
        faster = _spread([mine.rate / yard.rate for mine, yard in pairs]) if cpu else ""
        line = f"  {name:<30}{rate:>10,.0f}{faster:>22}{first * 1000:>9.2f} ms"
        if cpu:
            line += f"{cpu * 1e6:>11,.1f} us{_spread([mine.cpu / yard.cpu for mine, yard in pairs]):>22}"
        print(line)


def _spread(ratios: list[float]) -> str:
    """The median, and the extremes."""
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def main() -> None:
    """Measure, and print a table for each load."""
    parser = argparse.ArgumentParser(description="Measures cliproxy beside stock mitmdump.")
    parser.add_argument("--quick", action="store_true", help="a short look, about half a minute")
    parser.add_argument("--rounds", type=int, default=0, help="how often everything is measured (3, quick: 1)")
    parser.add_argument("--more", action="store_true", help="also what the engine's lean measures are worth")
    parser.add_argument("--stock", action="store_true", help="mitmdump only, with and without the lean measures")
    arguments = parser.parse_args()
    rounds = arguments.rounds or (1 if arguments.quick else 3)
    names = [STOCK, STOCK_LEAN] if arguments.stock else [STOCK, CLIPROXY]
    more = [STOCK_LEAN, CLIPROXY_PLAIN] if arguments.more else []
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {rounds} rounds", flush=True)
    with ExitStack() as stack:
        bench = Bench(stack, Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cliproxy-bench-"))))
        starts = measure_start(bench, names, rounds)
        ways = [Way("no proxy", bench.upstream, "bench-same", 0)]
        for name in names + more:
            port, pid, _ = bench.start(name, stack)
            if name.startswith("stock"):
                ways.append(Way(name, port, "bench-same", pid))
            else:
                ways.append(Way(f"{name}, Claude to Claude", port, "bench-same", pid))
                ways.append(Way(f"{name}, Claude to Chat", port, "bench-translated", pid))
        measure(ways, loads(arguments.quick), rounds)
        print("\nstart to first answer")
        for name, several in starts.items():
            print(f"  {name:<38}{statistics.median(several):>9.2f} s")
        print("\nmemory", flush=True)
        for way in ways[1 : len(names) + 2]:
            points = measure_memory(way, 500 if arguments.quick else 10_000)
            print(f"  {way.name:<38}" + "   ".join(f"{count:,}: {size:.0f} MB" for count, size in points), flush=True)


def measure(ways: list[Way], several: list[Load], rounds: int) -> None:
    """All loads through all ways, round by round, then the tables."""
    found: dict[str, dict[str, list[Sample]]] = {load.name: {way.name: [] for way in ways} for load in several}
    for way in ways:
        send(way, Load("warm up", "#fast:50", 8, 40, 50))
        send(way, Load("warm up", "#whole", 8, 40, 0))
    for _ in range(rounds):
        for load in several:
            for way in ways:
                found[load.name][way.name].append(send(way, load))
    for load in several:
        print_table(load.name, "event" if load.events else "request", found[load.name], ways[1].name)


if __name__ == "__main__":
    main()
