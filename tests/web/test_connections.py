"""The limits of connections and unfinished uploads."""

import contextlib
import socket
from pathlib import Path
from time import monotonic

import httpx
import pytest
from PIL import Image

from gladsr.web.limits import Limits
from gladsr.web.service import Service
from gladsr.web.settings import EngineSettings

from . import stand_ins
from .helpers import assert_problem, in_thread, noise, png_of, wait_until

LIMITS = Limits(head_seconds=0.5, connections_per_client=4, uploads_per_client=2)


def stand_in(folder: Path, limits: Limits = LIMITS) -> Service:
    return Service(
        limits,
        EngineSettings(),
        folder,
        read_headers=stand_ins.read_headers,
        upscale=stand_ins.upscale,
    )


def connect(client: httpx.Client, source: str = "127.0.0.1") -> socket.socket:
    to = (client.base_url.host, client.base_url.port or 0)
    connection = socket.create_connection(to, source_address=(source, 0))
    connection.settimeout(30)
    return connection


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", b""),
        (b"GET /healthz HTTP/1.1\r\nHost: loc", b""),
        (b"\0\1\2\r\n\r\n", b"HTTP/1.1 400"),
    ],
)
def test_a_connection_without_a_complete_request_is_closed(
    sent: bytes, answer: bytes, tmp_path: Path
):
    with (
        in_thread(stand_in(tmp_path), wait_for_workers=False) as client,
        connect(client) as connection,
    ):
        start = monotonic()
        connection.sendall(sent)
        try:
            received = connection.recv(4096)
        except ConnectionResetError:
            received = b""
        assert received[:12] == answer
        assert (monotonic() - start >= 0.4) == (answer == b"")


def test_a_client_with_many_idle_connections_shuts_nobody_else_out(tmp_path: Path):
    limits = Limits(connections_per_client=4, connections=8)
    service = stand_in(tmp_path, limits)
    with in_thread(service, wait_for_workers=False) as client, contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connect(client, "127.0.0.2")) for _ in range(20)]

        def still_open() -> int:
            count = 0
            for connection in idle:
                connection.setblocking(False)
                try:
                    connection.recv(1)
                except BlockingIOError:
                    count += 1
                except ConnectionResetError:
                    pass
            return count

        wait_until(lambda: still_open() == 4)
        start = monotonic()
        assert client.get("/healthz").status_code == 200
        assert monotonic() - start < 1


def test_a_trusted_proxy_may_open_the_connections_of_many_clients(tmp_path: Path):
    service = stand_in(tmp_path)
    proxy = in_thread(service, trusted_proxy="127.0.0.1", wait_for_workers=False)
    with proxy as client, contextlib.ExitStack() as stack:
        many = [stack.enter_context(connect(client)) for _ in range(6)]
        for connection in many:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(12) == b"HTTP/1.1 200"


def test_a_client_has_a_limited_number_of_unfinished_uploads(tmp_path: Path):
    service = stand_in(tmp_path)
    head = (
        b"POST /v1/upscale HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
        b"Content-Length: 1000\r\n\r\n"
    )
    with in_thread(service) as client, contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(connect(client, "127.0.0.2")).sendall(head)
        wait_until(lambda: service.admission._uploads["127.0.0.2"] == 2)
        third = stack.enter_context(connect(client, "127.0.0.2"))
        third.sendall(head)
        assert third.recv(12) == b"HTTP/1.1 429"
        picture = png_of(noise(8))
        assert client.post("/v1/upscale", content=picture).status_code == 200


def test_slow_uploads_from_four_addresses_shut_nobody_else_out(tmp_path: Path):
    head = (
        b"POST /v1/upscale HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
        b"Content-Length: 1000\r\n\r\n"
    )
    service = stand_in(tmp_path, Limits())
    with in_thread(service) as client, contextlib.ExitStack() as stack:
        for number in range(64):
            connection = stack.enter_context(connect(client, f"127.0.0.{2 + number % 4}"))
            connection.sendall(head)
        wait_until(lambda: service.admission._uploads.total() == 4 * Limits().uploads_per_client)
        assert client.post("/v1/upscale", content=png_of(noise(8))).status_code == 200
        start = monotonic()
        assert client.get("/healthz").status_code == 200
        assert monotonic() - start < 1


def test_too_many_frames_are_rejected(tmp_path: Path):
    frames = [Image.new("L", (8, 8), shade) for shade in range(5)]
    path = tmp_path / "frames.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with in_thread(stand_in(tmp_path, Limits(frames=4))) as client:
        response = client.post("/v1/upscale", content=path.read_bytes())
        problem = assert_problem(response, 413, "too-large")
        assert problem["detail"] == "The picture has 5 frames. The limit is 4."
