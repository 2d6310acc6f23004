"""Load on a service of this machine, with hostile clients among the others; see docs/serve.md.

python tests/web/load.py --seconds 300 --clients 32

It starts `gladsr serve`, upscales its pictures with `gladsr upscale` first, sends them from as many
addresses of the loopback as there are clients, and compares every answer with the command's file.
"""

import argparse
import asyncio
import io
import json
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import zlib
from collections import Counter
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import numpy as np
from PIL import Image

SIDES = (24, 48, 64, 96, 128, 192)
ATTACKS = ("slow body", "slow head", "huge size", "random bytes", "cut", "cut late")
HOSTILE = 4  # of that many clients, one is


def make_pictures(folder: Path) -> list[Path]:
    """Write pictures of mixed sizes and formats."""
    rng, paths = np.random.default_rng(0), []
    for side in SIDES:
        smooth = Image.fromarray(rng.integers(0, 256, (side // 8, side // 6, 3), dtype=np.uint8))
        picture = smooth.resize((side * 4 // 3, side), Image.Resampling.BICUBIC)
        for suffix in (".png", ".jpg"):
            paths.append(folder / f"{side}{suffix}")
            picture.save(paths[-1])
    return paths


def upscale_with_the_command(
    paths: list[Path], folder: Path, threads: list[str]
) -> tuple[dict[Path, bytes], float]:
    """Return what the command makes of the pictures, and its pixels a second.

    The time of one picture alone, which is that of starting, is taken off.
    """

    def run(pictures: list[Path], out: str) -> float:
        start = monotonic()
        command = [sys.executable, "-m", "gladsr", "upscale", *map(str, pictures)]
        subprocess.run(  # noqa: S603 - Python itself
            [*command, "-o", str(folder / out), *threads], check=True
        )
        return monotonic() - start

    (folder / "one").mkdir()
    starting = run(paths[:1], "one")
    seconds = run(paths, "all") - starting
    pixels = sum(np.prod(Image.open(path).size) for path in paths[1:])
    return {path: (folder / "all" / path.name).read_bytes() for path in paths}, pixels / seconds


def huge_png() -> bytes:
    """Return a PNG of 60,000 × 60,000 pixels with hardly a byte of them."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


class Load:
    """Clients that ask until the time is over, and what came of it."""

    def __init__(self, url: str, expected: dict[Path, bytes], seconds: float) -> None:
        self.url = httpx.URL(url)
        self.bodies = {path: path.read_bytes() for path in expected}
        self.expected = expected
        self.end = monotonic() + seconds
        self.statuses: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.pixels = 0
        self.health: list[float] = []
        self.memory: list[int] = []

    async def run(self, clients: int, process: int) -> None:
        """Run the clients."""
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(self._watch, process))
            for number in range(clients):
                hostile = number % HOSTILE == HOSTILE - 1
                client = self._attack if hostile else self._ask
                group.create_task(client(number))

    async def _ask(self, number: int) -> None:
        choose = random.Random(number)  # noqa: S311 - no secret
        transport = httpx.AsyncHTTPTransport(local_address=f"127.0.0.{number + 2}")
        async with httpx.AsyncClient(base_url=self.url, transport=transport, timeout=600) as client:
            while monotonic() < self.end:
                path = choose.choice(list(self.expected))
                answer = await client.post("/v1/upscale", files={"image": self.bodies[path]})
                self.statuses[f"{answer.status_code}"] += 1
                if answer.status_code in {429, 503}:
                    await asyncio.sleep(min(int(answer.headers["retry-after"]), 5))
                elif answer.content != self.expected[path]:
                    self.wrong.append(f"{path.name}: {answer.status_code}")
                elif monotonic() < self.end:
                    self.pixels += int(np.prod(Image.open(io.BytesIO(self.bodies[path])).size))

    async def _attack(self, number: int) -> None:
        choose = random.Random(number)  # noqa: S311 - no secret
        while monotonic() < self.end:
            attack = choose.choice(ATTACKS)
            answer = await self._attempt(attack, f"127.0.0.{number + 2}", choose)
            self.statuses[f"{attack}: {answer}"] += 1
            await asyncio.sleep(0.2)

    async def _attempt(self, attack: str, address: str, choose: random.Random) -> str:
        body = self.bodies[choose.choice(list(self.bodies))]
        if attack == "huge size":
            body = huge_png()
        elif attack == "random bytes":
            body = choose.randbytes(5000)
        head = (
            f"POST /v1/upscale HTTP/1.1\r\nHost: {self.url.netloc.decode()}\r\n"
            f"Content-Type: image/png\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        reader, writer = await asyncio.open_connection(
            self.url.host, self.url.port, local_addr=(address, 0)
        )
        try:
            if attack.startswith("slow"):
                sent = head if attack == "slow head" else head + body
                for start in range(0 if attack == "slow head" else len(head), len(sent), 5):
                    writer.write(sent[start : start + 5] if start else sent[: max(5, start)])
                    await writer.drain()
                    await asyncio.sleep(1)
                    if monotonic() > self.end or reader.at_eof():
                        break
                return "given up"
            writer.write(head + body[: len(body) // 2 if attack == "cut" else len(body)])
            await writer.drain()
            if attack.startswith("cut"):
                await asyncio.sleep(choose.random() / 2)
                return "given up"
            return (await reader.readline()).decode().split(" ")[1]
        except (ConnectionError, IndexError):
            return "closed"
        finally:
            writer.transport.abort()

    def _watch(self, process: int) -> None:
        with httpx.Client(base_url=self.url, timeout=60) as client:
            while monotonic() < self.end:
                start = monotonic()
                assert client.get("/healthz").status_code == 200
                self.health.append(monotonic() - start)
                self.memory.append(memory_of(process))
                sleep(0.2)


def memory_of(process: int) -> int:
    """Return the memory of a process and those that it started, in MiB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return pages * 4096 // 2**20 + sum(memory_of(int(child)) for child in children)


def main() -> None:
    """Run the load and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    threads = ["--threads", str(options.threads)] if options.threads else []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = make_pictures(folder)
        expected, command = upscale_with_the_command(paths, folder, threads)
        server = subprocess.Popen(  # noqa: S603 - Python itself
            [sys.executable, "-m", "gladsr", "serve", "--port", "0", *threads],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert server.stderr is not None
        url = server.stderr.readline().split()[-3]
        log = server.stderr
        reading = subprocess.Popen(["/bin/cat"], stdin=log, stdout=subprocess.DEVNULL)
        try:
            while httpx.get(f"{url}readyz").status_code != 200:
                sleep(0.2)
            load = Load(url, expected, options.seconds)
            asyncio.run(load.run(options.clients, server.pid))
            counts = httpx.get(f"{url}metrics").text
        finally:
            server.terminate()
            server.wait(60)
            reading.wait()
    print(json.dumps(report(load, command, options.seconds, counts), indent=2))  # noqa: T201


def report(load: Load, command: float, seconds: float, counts: str) -> dict[str, Any]:
    """Return what came of a load."""
    third = len(load.memory) // 3
    service = load.pixels / seconds
    return {
        "statuses": dict(sorted(load.statuses.items())),
        "wrong answers": load.wrong,
        "pixels a second": {"command": round(command), "service": round(service)},
        "throughput": f"{service / command:.0%}",
        "health ms": {
            "median": round(1000 * statistics.median(load.health), 1),
            "99 of 100": round(1000 * statistics.quantiles(load.health, n=100)[-1], 1),
            "largest": round(1000 * max(load.health), 1),
        },
        "memory MiB": {
            "after a third": max(load.memory[: 2 * third][third:]),
            "at the end": max(load.memory[-third:]),
        },
        "restarts": [line for line in counts.splitlines() if line.startswith("gladsr_worker_re")],
    }


if __name__ == "__main__":
    main()
