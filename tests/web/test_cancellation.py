"""Cancelled jobs and clients that leave: the worker and the slot are free within two seconds."""

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import httpx
import pytest

from gladsr.web.limits import Limits
from gladsr.web.service import Service
from gladsr.web.settings import EngineSettings

from . import stand_ins
from .helpers import in_thread, noise, png_of, wait_until

SECONDS = 2


def picture(width: int) -> bytes:
    return png_of(noise(8)[:, :width])


@pytest.fixture(scope="module")
def stuck() -> Iterator[tuple[Service, httpx.Client]]:
    """A service with a client, whose processes get stuck where a picture's width says."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(
            Limits(),
            EngineSettings(),
            Path(folder),
            read_headers=stand_ins.read_headers,
            upscale=stand_ins.upscale,
        )
        with in_thread(service) as client:
            yield service, client


def slots(service: Service) -> int:
    return service.admission._slots.total()


def assert_free_since(start: float, service: Service) -> None:
    """Fail unless the slot, the files and the worker are free soon after the start."""
    wait_until(lambda: slots(service) == 0)
    wait_until(lambda: not list(service._folder.iterdir()))
    assert monotonic() - start < SECONDS


def assert_works(client: httpx.Client) -> None:
    assert client.post("/v1/upscale", content=picture(8)).status_code == 200


@pytest.mark.parametrize("phase", stand_ins.PHASES)
def test_a_deleted_job_frees_its_worker(phase: str, stuck: tuple[Service, httpx.Client]):
    service, client = stuck
    body = picture(stand_ins.PHASES.index(phase) + 1)
    job = client.post("/v1/jobs", content=body).json()["id"]
    wait_until(lambda: client.get(f"/v1/jobs/{job}").json()["state"] == "running")
    start = monotonic()
    assert client.delete(f"/v1/jobs/{job}").status_code == 204
    if phase != "network":
        assert slots(service) == 1  # until its work has ended
    assert_free_since(start, service)
    assert_works(client)


@pytest.mark.parametrize("phase", [*stand_ins.PHASES, "header"])
def test_a_cut_connection_frees_the_worker(phase: str, stuck: tuple[Service, httpx.Client]):
    service, client = stuck
    body = picture([*stand_ins.PHASES, "header"].index(phase) + 1)
    head = (
        f"POST /v1/upscale HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((client.base_url.host, client.base_url.port or 0)) as connection:
        connection.sendall(head.encode() + body)
        if phase == "header":
            wait_until(service.headers._reading.locked)
        else:
            wait_until(lambda: service.runner._running is not None)
    start = monotonic()
    assert_free_since(start, service)
    assert_works(client)


def test_a_cut_upload_frees_its_slot(stuck: tuple[Service, httpx.Client]):
    service, client = stuck
    head = (
        "POST /v1/upscale HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
        "Content-Length: 1000\r\n\r\n"
    )
    with socket.create_connection((client.base_url.host, client.base_url.port or 0)) as connection:
        connection.sendall(head.encode() + bytes(100))
        wait_until(lambda: slots(service) == 1)
    start = monotonic()
    assert_free_since(start, service)
