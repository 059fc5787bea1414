"""Forty students at one server and at two behind nginx, of which one is killed and started again.

    python benchmarks/replicas.py [--students 40] [--seconds 60] [--every 20] [--model FILE.gguf]

Everything runs as real processes on this machine: PostgreSQL (Debian's, on a socket), `chroma run`,
nginx with deploy/nginx.conf, and `seminar-rag serve` twice, each with a data folder of its own. The
course is the bundled sample. The answers are quotations; with `--model` those of a language model
that llama-cpp-python's server (its extra `server`) has loaded, one for both. Every student is a
page as Gradio's own is: it puts a question with one request and reads the answer from another, and
nginx sends either to whichever server is next. A student asks about every `--every` seconds, from
an address of her own.

Each server first answers some questions that do not count. The three rounds: one server; two; two,
the second killed with SIGKILL after a third of the time and started again after two thirds. A
question that fails is counted apart where it was in flight when the server was killed; the student
asks it again, as the page does. Seconds are from asking to having the whole answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np

TOP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "tests"))

from postgres_cluster import new_cluster, postgres_schema  # noqa: E402

QUESTIONS = [
    "How does LoRA save memory?",
    "What is the difference between LoRA and QLoRA?",
    "Why does attention need scaling?",
    "What does chain-of-thought prompting do?",
    "How is retrieval used to answer questions?",
    "What are the limits of retrieval?",
    "How are models aligned with human feedback?",
    "What is a scaling law?",
]
PATIENCE = 300.0


@dataclass
class Tally:
    """What came of a round's questions."""

    seconds: list[float] = field(default_factory=list)
    in_flight: list[str] = field(default_factory=list)
    """Failed while the killed server had them, or the way to them."""
    failed: list[str] = field(default_factory=list)
    """Failed otherwise."""
    killed_at: float = float("inf")

    def told(self) -> str:
        p50, p95, most = np.percentile(self.seconds or [np.nan], [50, 95, 100])
        return (
            f"{len(self.seconds):4} answered   p50 {p50:5.2f} s   p95 {p95:5.2f} s   most"
            f" {most:5.2f} s   failed in flight {len(self.in_flight)}, otherwise {len(self.failed)}"
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, running: subprocess.Popen[Any]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert running.poll() is None, f"the process for {url} has ended"
        try:
            if httpx.get(url, timeout=5).status_code < 500:
                return
        except httpx.HTTPError:
            time.sleep(0.3)
    raise TimeoutError(url)


@contextmanager
def process(command: list[str], log: Path, **more: Any) -> Iterator[subprocess.Popen[Any]]:
    with log.open("ab") as output:
        running = subprocess.Popen(command, stdout=output, stderr=output, **more)
    try:
        yield running
    finally:
        if running.poll() is None:
            running.terminate()
            try:
                running.wait(20)
            except subprocess.TimeoutExpired:
                running.kill()


class Server:
    """One `seminar-rag serve`, on a port of its own."""

    def __init__(self, folder: Path, settings: str, command: list[str] | None = None) -> None:
        self.port = free_port()
        self.folder = folder
        folder.mkdir()
        own = f'[serve]\nport = {self.port}\ntrusted_proxies = "127.0.0.1"\nrate = 0\n'
        (folder / "seminar.toml").write_text(f"{settings}{own}rate_address = 0\n")
        self._command = command or [sys.executable, "-m", "seminar_rag.cli.main", "serve"]
        self._running: subprocess.Popen[Any] | None = None

    def begin(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._running = subprocess.Popen(
                self._command,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )

    def ready(self) -> None:
        assert self._running is not None
        wait_for(f"http://127.0.0.1:{self.port}/health", self._running)

    def kill(self) -> None:
        if self._running is not None and self._running.poll() is None:
            self._running.send_signal(signal.SIGKILL)
            self._running.wait()


@contextmanager
def balanced(folder: Path, servers: list[Server]) -> Iterator[str]:
    """The address of nginx in front of servers, with the configuration of deploy/."""
    port, place = free_port(), folder / f"nginx-{secrets.token_hex(3)}"
    place.mkdir()
    text = (TOP / "deploy" / "nginx.conf").read_text()
    line = re.search(r" *server seminar-1.*\n", text)
    assert line
    each = "".join(line[0].replace("seminar-1:7860", f"127.0.0.1:{one.port}") for one in servers)
    text = re.sub(r"( *server seminar-\d.*\n)+", each, text)
    text = text.replace("listen 8080", f"listen 127.0.0.1:{port}")
    text = f"pid {place}/pid;\nerror_log {place}/error;\ndaemon off;\n" + text.replace(
        "http {",
        f"http {{\n  access_log {place}/access;\n"
        + "".join(
            f"  {kind}_temp_path {place}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        ),
        1,
    )
    (place / "nginx.conf").write_text(text)
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    with process(
        [program, "-c", str(place / "nginx.conf"), "-p", str(place)], place / "log"
    ) as one:
        wait_for(f"http://127.0.0.1:{port}/health", one)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def stores(folder: Path, model: Path | None) -> Iterator[str]:
    """The settings that name a new PostgreSQL schema, a new Chroma server and one of the model."""
    with ExitStack() as stack:
        described = "[llm]\nenabled = false\n"
        if model:
            port = free_port()
            command = [sys.executable, "-m", "llama_cpp.server", "--model", str(model.resolve())]
            command += ["--port", str(port), "--n_ctx", "4096", "--logits_all", "true"]
            running = stack.enter_context(process(command, folder / "llm.log"))
            wait_for(f"http://127.0.0.1:{port}/v1/models", running)
            described = f'[llm]\nurl = "http://127.0.0.1:{port}/v1"\nname = "{model}"\n'
        cluster = stack.enter_context(new_cluster())
        address = stack.enter_context(postgres_schema(str(cluster.folder)))
        port = free_port()
        chroma = [str(Path(sys.executable).with_name("chroma")), "run", "--path"]
        command = [*chroma, str(folder / "chroma"), "--port", str(port), "--host", "127.0.0.1"]
        running = stack.enter_context(process(command, folder / "chroma.log"))
        wait_for(f"http://127.0.0.1:{port}/api/v2/heartbeat", running)
        yield f'{described}[store]\ndatabase = "{address}"\nurl = "http://127.0.0.1:{port}/course"\n'


class Student:
    """A page: one question at a time, put and read as Gradio's page does."""

    def __init__(self, url: str, number: int) -> None:
        self.page = secrets.token_hex(5)
        self._chance = random.Random(number)
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=httpx.Timeout(PATIENCE, connect=5),
            transport=httpx.AsyncHTTPTransport(local_address=f"127.0.1.{number + 1}"),
        )

    async def live(self, until: float, every: float, fn: int, tally: Tally) -> None:
        async with self._client:
            await asyncio.sleep(self._chance.uniform(0, every))
            while time.monotonic() < until:
                await self._ask(self._chance.choice(QUESTIONS), fn, tally, until + 20)
                await asyncio.sleep(self._chance.uniform(0.5, 1.5) * every)

    async def _ask(self, question: str, fn: int, tally: Tally, until: float) -> None:
        while time.monotonic() < until:
            started = time.monotonic()
            try:
                answer = await self._answer(question, fn)
                assert answer["abstained"] or answer["citations"], answer
            except (httpx.HTTPError, RuntimeError, AssertionError, ValueError, KeyError) as error:
                ended = time.monotonic()
                # What was sent just before may have found the dying server.
                there = started <= tally.killed_at <= ended
                said = f"{type(error).__name__} {error} after {ended - started:.2f} s"
                (tally.in_flight if there else tally.failed).append(said)
                await asyncio.sleep(2.5)  # the page looks as often
                continue
            tally.seconds.append(time.monotonic() - started)
            return

    async def _answer(self, question: str, fn: int) -> dict[str, Any]:
        put = {"data": [question, [], [], "", False], "fn_index": fn, "session_hash": self.page}
        joined = await self._client.post("/gradio_api/queue/join", json=put)
        joined.raise_for_status()
        event = joined.json()["event_id"]
        where = f"/gradio_api/queue/data?session_hash={self.page}"
        async with self._client.stream("GET", where) as stream:
            stream.raise_for_status()
            async for line in stream.aiter_lines():
                said = json.loads(line[5:]) if line.startswith("data:") else {}
                if said.get("msg") == "process_completed" and said.get("event_id") == event:
                    if not said["success"]:
                        raise RuntimeError(str(said["output"])[:200])
                    return dict(said["output"]["data"][0])
                if said.get("msg") in ("unexpected_error", "server_stopped"):
                    raise RuntimeError(str(said)[:200])
        raise RuntimeError("the stream ended without an answer")


async def round_of(url: str, options: argparse.Namespace, killed: Server | None = None) -> Tally:
    """All students for some time; one server is killed meanwhile, and started again."""
    tally = Tally()
    config = httpx.get(f"{url}/config", timeout=60).json()
    fn = next(one["id"] for one in config["dependencies"] if one["api_name"] == "ask")
    begun = time.monotonic()
    students = [Student(url, number) for number in range(options.students)]
    lives = [one.live(begun + options.seconds, options.every, fn, tally) for one in students]

    async def trouble() -> None:
        if killed is None:
            return
        await asyncio.sleep(options.seconds / 3)
        tally.killed_at = time.monotonic()
        await asyncio.to_thread(killed.kill)
        await asyncio.sleep(options.seconds / 3)
        killed.begin()

    await asyncio.gather(*lives, trouble())
    return tally


def run(options: argparse.Namespace) -> list[Tally]:
    """The three rounds, each told when it is over."""
    out: list[Tally] = []

    def tell(name: str, tally: Tally) -> None:
        print(f"{name:16} {tally.told()}", flush=True)
        for line in [*tally.in_flight[:5], *tally.failed[:10]]:
            print("    ", line, flush=True)
        out.append(tally)

    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder = Path(scratch)
        settings = stack.enter_context(stores(folder, options.model))
        servers = [Server(folder / name, settings) for name in ("one", "other")]
        for one in servers:
            stack.callback(one.kill)
            one.begin()  # the first ingests the sample, the second finds it or waits
            one.ready()
            loads = argparse.Namespace(students=2, seconds=1, every=0.1)  # the models, not counted
            asyncio.run(round_of(f"http://127.0.0.1:{one.port}", loads))
        with balanced(folder, servers[:1]) as url:
            tell("one server", asyncio.run(round_of(url, options)))
        with balanced(folder, servers) as url:
            tell("two servers", asyncio.run(round_of(url, options)))
            tell("two, one killed", asyncio.run(round_of(url, options, servers[1])))
        if options.keep_logs:
            for one in servers:
                print((one.folder / "log").read_text()[-4000:])
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--students", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--every", type=float, default=20)
    parser.add_argument("--model", type=Path, help="a GGUF file for llama-cpp-python's server")
    parser.add_argument("--keep-logs", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # or the servers would stay
    return int(any(tally.failed for tally in run(options)))


if __name__ == "__main__":
    sys.exit(main())
