"""A service on this machine under load, with hostile clients among the others; see docs/serve.md.

python measurements/service_load.py --seconds 300 --clients 32

It upscales its pictures with `gladsr upscale`, starts `gladsr serve`, sends the pictures to it from
one loopback address for each client, and compares every answer with the command's file. It
alternates between a minute of load and the command, since other programs may slow either down.
"""

import argparse
import asyncio
import json
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import zlib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import numpy as np
from PIL import Image

SIDES = (24, 48, 64, 96, 128, 192)
TURN_SECONDS = 60
ATTACKS = ("slow body", "slow head", "huge size", "random bytes", "cut", "cut late")
HOSTILE = 4  # every fourth client


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


class Command:
    """`gladsr upscale` on the pictures.

    Args:
        paths: The pictures.
        folder: The folder for its output.
        options: Further options.
    """

    def __init__(self, paths: list[Path], folder: Path, options: list[str]) -> None:
        self._paths = paths
        self._folder = folder
        self._options = options
        self.speeds: list[float] = []

    def upscale(self) -> dict[Path, bytes]:
        """Return the result for each picture, and note the pixels per second.

        The time for one picture alone, mostly that of starting, is subtracted.
        """
        seconds = self._run(self._paths) - self._run(self._paths[:1])
        self.speeds.append(sum(map(pixels_of, self._paths[1:])) / seconds)
        return {path: (self._folder / path.name).read_bytes() for path in self._paths}

    def _run(self, paths: list[Path]) -> float:
        self._folder.mkdir(exist_ok=True)
        start = monotonic()
        subprocess.run(  # noqa: S603 - Python itself
            [
                *(sys.executable, "-m", "gladsr", "upscale", *map(str, paths)),
                *("-o", str(self._folder / (paths[0].name if len(paths) == 1 else ""))),
                *("--overwrite", *self._options),
            ],
            check=True,
        )
        return monotonic() - start


def pixels_of(path: Path) -> int:
    """Return the number of pixels of a picture."""
    with Image.open(path) as image:
        return image.width * image.height


def huge_png() -> bytes:
    """Return a PNG that declares 60,000 × 60,000 pixels and contains almost none."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


class Load:
    """Clients that send pictures until the time is over, and their results."""

    def __init__(self, url: str, expected: dict[Path, bytes]) -> None:
        self.url = httpx.URL(url)
        self.bodies = {path: path.read_bytes() for path in expected}
        self.sizes = {path: pixels_of(path) for path in expected}
        self.expected = expected
        self.end = 0.0
        self.seconds = 0.0
        self.statuses: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.pixels = 0
        self.health: list[float] = []
        self.memory: list[int] = []
        self._watcher = ProcessPoolExecutor(1, get_context("spawn"))

    async def run(self, clients: int, process: int, seconds: float) -> None:
        """Let the clients send pictures for some seconds, and wait for the last answer."""
        start = monotonic()
        self.end = start + seconds
        async with asyncio.TaskGroup() as group:
            # In a separate process, which this one does not slow down.
            watching = asyncio.get_running_loop().run_in_executor(
                self._watcher, watch, self.url, process, self.end
            )
            asking = []
            for number in range(clients):
                hostile = number % HOSTILE == HOSTILE - 1
                if hostile:
                    group.create_task(self._attack(number))
                else:
                    asking.append(group.create_task(self._send_pictures(number)))
            await asyncio.wait(asking)
            self.seconds += monotonic() - start
            health, memory = await watching
            self.health += health
            self.memory += memory

    async def _send_pictures(self, number: int) -> None:
        choose = random.Random(number + self.seconds)  # noqa: S311 - no secret
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
                else:
                    self.pixels += self.sizes[path]

    async def _attack(self, number: int) -> None:
        choose = random.Random(number + self.seconds)  # noqa: S311 - no secret
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
                if attack == "slow body":
                    writer.write(head)
                trickle = head if attack == "slow head" else body
                for start in range(0, len(trickle), 5):
                    writer.write(trickle[start : start + 5])
                    await writer.drain()
                    await asyncio.sleep(1)
                    if reader.at_eof():
                        break
                    if monotonic() > self.end:
                        return "abandoned"
                return (await reader.readline()).decode().split(" ")[1]
            writer.write(head + body[: len(body) // 2 if attack == "cut" else len(body)])
            await writer.drain()
            if attack.startswith("cut"):
                await asyncio.sleep(choose.random() / 2)
                return "abandoned"
            return (await reader.readline()).decode().split(" ")[1]
        except (ConnectionError, IndexError):
            return "closed"
        finally:
            writer.transport.abort()


def watch(url: httpx.URL, process: int, end: float) -> tuple[list[float], list[int]]:
    """Return the seconds that /healthz took and the memory in MiB, five times a second."""
    health, memory = [], []
    with httpx.Client(base_url=url, timeout=60) as client:
        while monotonic() < end:
            start = monotonic()
            assert client.get("/healthz").status_code == 200
            health.append(monotonic() - start)
            memory.append(memory_of(process))
            sleep(0.2)
    return health, memory


def memory_of(process: int) -> int:
    """Return the memory of a process and its descendants in MiB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return pages * 4096 // 2**20 + sum(memory_of(int(child)) for child in children)


def main() -> None:
    """Run the load and print the results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    threads = ["--threads", str(options.threads)] if options.threads else []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = make_pictures(folder)
        command = Command(paths, folder / "upscaled", threads)
        expected = command.upscale()
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
            load = Load(url, expected)
            while (left := options.seconds - load.seconds) > TURN_SECONDS / 10:
                turn = load.run(options.clients, server.pid, min(left, TURN_SECONDS))
                asyncio.run(turn)
                assert command.upscale() == expected
            counts = httpx.get(f"{url}metrics").text
        finally:
            server.terminate()
            server.wait(60)
            reading.wait()
    print(json.dumps(report(load, command, counts), indent=2))


def report(load: Load, command: Command, counts: str) -> dict[str, Any]:
    """Return the results of a load."""
    third = len(load.memory) // 3
    service = load.pixels / load.seconds
    speed = statistics.mean(command.speeds)
    return {
        "statuses": dict(sorted(load.statuses.items())),
        "wrong answers": load.wrong,
        "pixels per second": {
            "command": [round(speed) for speed in command.speeds],
            "service": round(service),
        },
        "seconds": round(load.seconds),
        "throughput": f"{service / speed:.0%}",
        "health ms": {
            "median": round(1000 * statistics.median(load.health), 1),
            "99th percentile": round(1000 * statistics.quantiles(load.health, n=100)[-1], 1),
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
