import asyncio
import io
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from time import sleep

import httpx
import pytest
from PIL import Image
from starlette.types import Message

from gladsr.web.limits import Limits
from gladsr.web.problems import Problem
from gladsr.web.transfer import LimitedBody

from .helpers import (
    Server,
    ask,
    assert_problem,
    events,
    is_ready,
    png,
    running,
    several,
    stored,
    wait_until,
    workers,
)


@pytest.fixture(scope="module")
def tight() -> Iterator[Server]:
    """A service with small limits."""
    options = {
        "--max-upload": "0.1",
        "--max-pixels": "0.06",
        "--transfer-seconds": "1",
        "--queue": "2",
        "--queue-per-client": "1",
        "--keep-seconds": "1",
    }
    with running(*(word for option in options.items() for word in option)) as server:
        yield server


def test_too_many_bytes_are_rejected(tight: Server):
    assert_problem(ask(tight, bytes(200_000)), 413, "too-large")

    def parts() -> Iterator[bytes]:
        for _ in range(20):
            yield bytes(10_000)

    kind = {"Content-Type": "image/png"}
    assert_problem(
        tight.client.post("/v1/upscale", content=parts(), headers=kind), 413, "too-large"
    )


def test_too_many_pixels_are_rejected_before_anything_is_decoded(tight: Server):
    small = ask(tight, png(120), scale=2)
    assert small.status_code == 200
    problem = assert_problem(ask(tight, png(120), scale=3), 413, "too-large")
    assert "120 × 120" in problem["detail"]
    header = bytearray(png(1))
    header[16:24] = (1_000_000).to_bytes(4) * 2  # this also makes the checksum wrong
    response = ask(tight, bytes(header))
    assert response.status_code in {413, 422}


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".tif"])
def test_the_pixels_of_all_pages_and_frames_count(suffix: str, tight: Server, tmp_path: Path):
    body = several(tmp_path, suffix).read_bytes()
    assert ask(tight, body, scale=3).status_code == 200
    problem = assert_problem(ask(tight, body, scale=4), 413, "too-large")
    assert "40 × 32 pixels on each of 3 pages or frames" in problem["detail"]


def test_the_pixels_of_a_later_page_count(tight: Server):
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(
        file, "tiff", save_all=True, append_images=[Image.new("L", (200, 200))]
    )
    assert_problem(ask(tight, file.getvalue()), 413, "too-large")


def test_too_many_pages_are_rejected(server: Server):
    pages, file = [Image.new("1", (1, 1)) for _ in range(Limits().pages + 1)], io.BytesIO()
    pages[0].save(file, "tiff", save_all=True, append_images=pages[1:])
    response = ask(server, file.getvalue())
    assert response.status_code in {413, 422}


def test_a_body_with_an_ambiguous_end_is_rejected(server: Server):
    address = httpx.URL(server.url)
    with socket.create_connection((address.host, address.port or 0)) as connection:
        connection.sendall(
            b"POST /v1/upscale HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
            b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        connection.settimeout(30)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_a_body_that_trickles_in_is_rejected():
    limits = Limits(upload_grace_seconds=0.1, upload_rate=1000)

    async def receive() -> Message:
        await asyncio.sleep(0.03)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def read_all() -> None:
        body = LimitedBody(receive, {"type": "http", "headers": []}, limits)
        while True:
            await body.receive()

    with pytest.raises(Problem) as raised:
        asyncio.run(read_all())
    assert raised.value.status == 408


def test_a_body_that_takes_too_long_is_rejected(tight: Server):
    address = httpx.URL(tight.url)
    with socket.create_connection((address.host, address.port or 0)) as connection:
        connection.sendall(
            b"POST /v1/upscale HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
            b"Content-Type: image/png\r\n\r\n\x89PNG"
        )
        connection.settimeout(30)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"too-slow" in answer


def test_one_client_and_all_clients_have_a_limited_number_of_slots(tight: Server):
    def client(number: int) -> httpx.Client:
        transport = httpx.HTTPTransport(local_address=f"127.0.0.{number}")
        return httpx.Client(base_url=tight.url, transport=transport, timeout=60)

    body = {"image": png(120)}
    with client(2) as first, client(3) as second, client(4) as third:
        jobs = [
            one.post("/v1/jobs", params={"ensemble": True}, files=body).json()["id"]
            for one in (first, second)
        ]
        response = first.post("/v1/jobs", files=body)
        assert_problem(response, 429, "your-queue-full")
        assert int(response.headers["retry-after"]) >= 1
        response = third.post("/v1/upscale", files=body)
        assert_problem(response, 503, "queue-full")
        assert int(response.headers["retry-after"]) >= 1
        for job in jobs:
            assert first.delete(f"/v1/jobs/{job}").status_code == 204
        wait_until(lambda: third.post("/v1/upscale", files={"image": png(8)}).status_code == 200)


def test_a_finished_job_expires(tight: Server):
    job = tight.client.post("/v1/jobs", files={"image": png(8)}).json()["id"]
    assert list(events(tight, job))[-1]["state"] == "done"
    wait_until(lambda: tight.client.get(f"/v1/jobs/{job}").status_code == 404)
    wait_until(lambda: not stored(tight))


def test_the_oldest_job_is_removed_when_too_much_is_stored():
    with running("--max-stored", "1") as server:
        options: dict[str, str | bool] = {"model": "gladsr-l", "draft": True}
        jobs = []
        for _ in range(2):
            response = server.client.post("/v1/jobs", params=options, files={"image": png(240)})
            jobs.append(response.json()["id"])
            assert list(events(server, jobs[-1]))[-1]["state"] == "done"
        older, younger = jobs
        wait_until(lambda: server.client.get(f"/v1/jobs/{older}").status_code == 404)
        kept = server.client.get(f"/v1/jobs/{younger}/result").content
        assert len(kept) < 2**20 < 2 * len(kept)


def test_a_client_that_disconnects_frees_its_slot(tight: Server):
    body = png(120)
    head = (
        "POST /v1/upscale?ensemble=true HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: image/png\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    address = httpx.URL(tight.url)
    for sent in (head.encode() + body, head.encode() + body[:100], head[:60].encode()):
        with socket.create_connection((address.host, address.port or 0)) as connection:
            connection.sendall(sent)
    while (response := ask(tight, png(8))).status_code == 429:
        sleep(0.1)
    assert response.status_code == 200
    wait_until(lambda: not stored(tight))


def test_a_picture_that_takes_too_long_fails_and_the_next_is_done():
    with running("--max-seconds", "5") as server:
        assert_problem(ask(server, png(320), ensemble=True), 503, "time-limit")
        wait_until(lambda: is_ready(server))
        assert ask(server, png(4)).status_code == 200
        wait_until(lambda: not stored(server))


def test_a_process_that_dies_at_work_is_replaced(server: Server):
    job = server.client.post(
        "/v1/jobs", params={"ensemble": True}, files={"image": png(96)}
    ).json()["id"]
    wait_until(lambda: server.client.get(f"/v1/jobs/{job}").json()["state"] == "running")
    for child in workers(server):
        os.kill(child, signal.SIGKILL)
    assert list(events(server, job))[-1]["problem"]["status"] == 500
    wait_until(lambda: is_ready(server))
    assert ask(server, png(8)).status_code == 200


def test_a_process_that_dies_idle_is_replaced(server: Server):
    for child in workers(server):
        os.kill(child, signal.SIGKILL)
        wait_until(lambda child=child: child not in workers(server))  # type: ignore[misc]
        wait_until(lambda: len(workers(server)) == 2 and is_ready(server))
    assert ask(server, png(8)).status_code == 200


def test_a_picture_that_cannot_be_stored_is_rejected():
    with running() as server:
        (folder,) = server.folder.iterdir()
        folder.rmdir()
        assert_problem(ask(server, png(8)), 503, "storage")
