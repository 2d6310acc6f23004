import asyncio
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import Message

from gladsr import zoo
from gladsr.paper.attention import attend
from gladsr.web import Limits, guard
from gladsr.web.problems import TITLES, Problem

from .conftest import CHELSEA, EXIF_ARTIST, SOURCE, SUFFIXES, Server, noise, running, several


def png_of(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def png(side: int) -> bytes:
    return png_of(noise(side))


def ask(server: Server, picture: bytes, **options: Any) -> httpx.Response:
    return server.client.post("/v1/upscale", params=options, files={"image": picture})


def assert_problem(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem.keys() == {"type", "title", "status", "detail"}
    assert problem["type"] == f"/problems#{kind}"
    assert problem["status"] == status
    return problem


def events(server: Server, job: str) -> Iterator[dict[str, Any]]:
    with server.client.stream("GET", f"/v1/jobs/{job}/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        for line in response.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


def stored(server: Server) -> list[Path]:
    """The files of pictures that the service keeps."""
    return [path for path in server.folder.glob("gladsr-serve-*/**/*") if path.is_file()]


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what happens soon, if not at once."""
    end = monotonic() + 60
    while not condition():
        assert monotonic() < end, "it has not happened within a minute"
        sleep(0.05)


def is_ready(server: Server) -> bool:
    return server.client.get("/readyz").status_code == 200


def workers(server: Server) -> list[int]:
    """The service's processes that touch pictures."""
    lines = {child: Path(f"/proc/{child}/cmdline").read_bytes() for child in server.children()}
    return [child for child, line in lines.items() if b"spawn_main" in line]


def ends(
    *words: str, path: Path | None = None, environment: dict[str, str] | None = None
) -> tuple[int, str, list[Path]]:
    """Run `gladsr serve` where it cannot: its code, what it says, and what it leaves behind."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [*([str(path)] if path else []), SOURCE, os.environ.get("PYTHONPATH", "")]
        run = subprocess.run(  # noqa: S603 - Python itself, and words of the tests
            [sys.executable, "-m", "gladsr", "serve", "--port", "0", "--threads", "1", *words],
            capture_output=True,
            text=True,
            timeout=60,
            env={
                **os.environ,
                **(environment or {}),
                "TMPDIR": folder,
                "PYTHONPATH": os.pathsep.join(paths),
            },
            check=False,
        )
        return run.returncode, run.stderr, [*Path(folder).glob("gladsr-*")]


# Upscaling


@pytest.mark.parametrize("kind", SUFFIXES)
def test_a_picture_comes_back_as_the_command_makes_it(
    kind: str, server: Server, pictures: dict[str, Path], upscaled: Callable[..., bytes]
):
    response = ask(server, pictures[kind].read_bytes())
    assert response.status_code == 200
    assert response.headers["content-type"] == f"image/{kind}"
    assert response.content == upscaled(pictures[kind])
    with Image.open(io.BytesIO(response.content)) as image:
        assert image.size == (80, 64)
        assert ("icc_profile" in image.info) == (kind != "gif")
        if kind not in {"tiff", "gif"}:
            assert image.getexif()[EXIF_ARTIST] == "Stefan"


@pytest.mark.parametrize("media_type", ["image/png", "application/octet-stream", "image/jpeg"])
def test_a_picture_may_be_the_whole_body_and_its_content_tells_its_format(
    media_type: str, server: Server, pictures: dict[str, Path], upscaled: Callable[..., bytes]
):
    body = pictures["png"].read_bytes()
    response = server.client.post("/v1/upscale", content=body, headers={"Content-Type": media_type})
    assert response.headers["content-type"] == "image/png"
    assert response.content == upscaled(pictures["png"])


@pytest.mark.parametrize(
    "settings",
    [
        {"model": "gladsr-l", "scale": 3},
        {"scale": 4, "draft": True},
        {"ensemble": True},
        {"scale": 1.5},
        {"scale": 5, "draft": True},
        {"size": "100x"},
        {"size": "x70", "model": "gladsr-l"},
        {"size": "90x90"},
    ],
)
def test_the_options_reach_the_upscaler(
    settings: dict[str, Any],
    server: Server,
    pictures: dict[str, Path],
    upscaled: Callable[..., bytes],
):
    response = ask(server, pictures["png"].read_bytes(), **settings)
    assert response.content == upscaled(pictures["png"], **settings)


@pytest.mark.parametrize("kind", SUFFIXES)
def test_the_result_may_have_another_format(
    kind: str, server: Server, pictures: dict[str, Path], upscaled: Callable[..., bytes]
):
    response = ask(server, pictures["png"].read_bytes(), format=kind)
    assert response.headers["content-type"] == f"image/{kind}"
    assert response.content == upscaled(pictures["png"], suffix=SUFFIXES[kind])


@pytest.mark.parametrize("kind", ["tiff", "webp", "gif"])
def test_all_pages_and_frames_come_back(
    kind: str, server: Server, tmp_path: Path, upscaled: Callable[..., bytes]
):
    path = several(tmp_path, SUFFIXES[kind])
    response = ask(server, path.read_bytes(), scale=2)
    assert response.content == upscaled(path, scale=2)
    with Image.open(io.BytesIO(response.content)) as image:
        assert (image.n_frames, image.size) == (3, (80, 64))  # type: ignore[attr-defined]
    problem = assert_problem(ask(server, path.read_bytes(), format="png"), 422, "picture")
    assert problem["detail"].startswith("The result: PNG does not hold 3 ")


def test_the_size_is_that_of_the_upright_picture(server: Server):
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # on its side
    Image.fromarray(CHELSEA).save(file, "jpeg", exif=exif)
    job = server.client.post(
        "/v1/jobs", params={"size": "64x"}, files={"image": file.getvalue()}
    ).json()
    assert (job["width"], job["height"]) == (32, 40)
    assert (job["new_width"], job["new_height"]) == (64, 80)
    assert list(events(server, job["id"]))[-1]["state"] == "done"
    with Image.open(io.BytesIO(server.client.get(f"/v1/jobs/{job['id']}/result").content)) as image:
        assert image.size == (64, 80)


def test_the_attention_is_that_of_the_network(server: Server):
    response = server.client.post(
        "/v1/attention", params={"model": "gladsr-l", "scale": 3}, content=png_of(CHELSEA)
    )
    assert response.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(response.content)) as image:
        assert image.mode == "L"
        shown = np.asarray(image).reshape(4, *CHELSEA.shape[:2])
    modules = attend(zoo.load_network("gladsr-l", 3), CHELSEA)
    for ours, module in zip(shown, modules, strict=True):
        assert module.mask is not None
        low, high = np.percentile(module.mask, (1, 99))
        expected = 255 * np.clip((module.mask - low) / (high - low), 0, 1)
        assert np.abs(ours - expected).max() < 1


def test_the_attention_of_a_large_picture_is_smaller(server: Server):
    large = np.kron(CHELSEA, np.ones((20, 20, 1), np.uint8))
    options: dict[str, str | float] = {"model": "gladsr-l", "scale": 1.5}
    response = server.client.post("/v1/attention", params=options, content=png_of(large))
    with Image.open(io.BytesIO(response.content)) as image:
        assert 140_000 < image.width * image.height / 4 < 150_000
        assert abs(image.width / (image.height / 4) - 40 / 32) < 0.01


def test_nothing_is_kept_and_no_name_is_given_back(server: Server, pictures: dict[str, Path]):
    body = pictures["png"].read_bytes()
    files = {"image": ("../../my holiday.png", body, "image/png")}
    before = set(stored(server))  # jobs of other tests, which the service still keeps
    response = server.client.post("/v1/upscale", files=files)
    assert response.status_code == 200
    assert "holiday" not in str(response.headers)
    wait_until(lambda: before.issuperset(stored(server)))


# Jobs


def test_a_job_tells_its_progress_and_keeps_its_pictures(
    server: Server, pictures: dict[str, Path], upscaled: Callable[..., bytes]
):
    before = set(stored(server))
    response = server.client.post(
        "/v1/jobs",
        params={"preview": True, "scale": 3},
        content=pictures["tiff"].read_bytes(),
        headers={"Content-Type": "image/tiff"},
    )
    assert response.status_code == 202
    job = response.json()
    assert response.headers["location"] == f"/v1/jobs/{job['id']}"
    assert (job["width"], job["height"], job["seconds"]) == (40, 32, None)

    seen = list(events(server, job["id"]))
    progress = [status["progress"] for status in seen]
    assert progress == sorted(progress)
    last = seen[-1]
    assert last == server.client.get(f"/v1/jobs/{job['id']}").json()
    assert (last["state"], last["progress"], last["ahead"]) == ("done", 1, 0)
    assert list(last["parts"]) == ["bicubic", "draft", "result", "view"]

    result = server.client.get(last["parts"]["result"])
    assert result.content == upscaled(pictures["tiff"], scale=3)
    draft = server.client.get(last["parts"]["draft"])
    assert draft.content == upscaled(pictures["tiff"], suffix=".png", scale=3, draft=True)
    for part in ("bicubic", "view"):
        picture = server.client.get(last["parts"][part])
        assert picture.headers["content-type"] == "image/png"
        with Image.open(io.BytesIO(picture.content)) as image:
            assert image.size == (120, 96)

    assert server.client.delete(f"/v1/jobs/{job['id']}").status_code == 204
    assert_problem(server.client.get(f"/v1/jobs/{job['id']}"), 404, "not-found")
    wait_until(lambda: before.issuperset(stored(server)))


def test_a_job_that_waits_tells_how_many_are_ahead_and_can_be_given_up(server: Server):
    before = set(stored(server))
    body, options = png(192), {"ensemble": True}
    jobs = [
        server.client.post("/v1/jobs", params=options, files={"image": body}).json()["id"]
        for _ in range(3)
    ]
    status = server.client.get(f"/v1/jobs/{jobs[2]}").json()
    assert (status["state"], status["ahead"]) == ("queued", 2)
    assert_problem(server.client.get(f"/v1/jobs/{jobs[2]}/result"), 409, "not-ready")
    assert "gladsr_waiting_pictures 2.0" in server.client.get("/metrics").text
    for job in reversed(jobs):
        assert server.client.delete(f"/v1/jobs/{job}").status_code == 204
    assert "gladsr_waiting_pictures 0.0" in server.client.get("/metrics").text
    wait_until(lambda: before.issuperset(stored(server)))


def test_a_job_that_fails_says_why(server: Server, pictures: dict[str, Path]):
    body = pictures["png"].read_bytes()
    job = server.client.post("/v1/jobs", files={"image": body[: len(body) // 2]}).json()
    last = list(events(server, job["id"]))[-1]
    assert last["state"] == "failed"
    problem = assert_problem(server.client.get(f"/v1/jobs/{job['id']}/result"), 422, "picture")
    assert last["problem"] == problem
    assert problem["detail"].startswith("The picture: it cannot be read: it is damaged, cut short")


# Refusals


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "<b>"}, "model: there is no such model"),
        ({"scale": "two"}, "scale: "),
        ({"scale": 1}, "scale: Input should be greater than 1"),
        ({"scale": 8.5}, "scale: Input should be less than or equal to 8"),
        ({"scale": "nan"}, "scale: "),
        ({"size": "<b>"}, "size: it must be such as 1920x1080, 3840x or x2160"),
        ({"size": "0x90"}, "size: it must be such as"),
        ({"size": "39x"}, "it has 40x32 pixels: 39x would not make it larger"),
        ({"size": "400x"}, "400x is more than 8 times as large"),
        ({"scale": 2, "size": "80x"}, "give a scale or a size, not both"),
        ({"quality": 101}, "quality: "),
        ({"format": "bmp"}, "format: it must be one of png, jpeg, tiff, webp, avif, gif"),
        ({"draft": "perhaps"}, "draft: "),
        ({"scal": 2}, "there is an unknown option"),
    ],
)
def test_wrong_options_are_named_but_not_repeated(
    options: dict[str, Any], words: str, server: Server, pictures: dict[str, Path]
):
    response = ask(server, pictures["png"].read_bytes(), **options)
    problem = assert_problem(response, 422, "options")
    assert words in problem["detail"]
    assert "<b>" not in response.text


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"", 422, "picture"),
        (b"GIF89a" + bytes(100), 422, "picture"),
        (b"P6 2 1 255 " + bytes(6), 415, "format"),
        (b"BM" + bytes(100), 415, "format"),
        (bytes(range(256)) * 40, 415, "format"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), 422, "picture"),
        (b"\xff\xd8\xff" + bytes(range(250)), 422, "picture"),
        (b"II*\0" + b"\xff" * 500, 422, "picture"),
        (b"RIFF\0\0\0\0WEBPVP8X" + bytes(500), 422, "picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "format"),
    ],
)
def test_what_is_no_picture_is_refused(body: bytes, status: int, kind: str, server: Server):
    assert_problem(ask(server, body), status, kind)


def test_jpeg_refuses_transparency(server: Server):
    file = io.BytesIO()
    Image.new("RGBA", (8, 8), (255, 0, 0, 128)).save(file, "png")
    problem = assert_problem(ask(server, file.getvalue(), format="jpeg"), 422, "picture")
    assert problem["detail"] == (
        "The result: JPEG holds no transparency. Choose PNG, TIFF or WebP."
    )


@pytest.mark.parametrize(
    "request_",
    [
        {"data": {"scale": "2"}},
        {"files": {"picture": b"x"}},
        {"files": {"image": b"x"}, "data": {"scale": "2"}},
        {"content": b"--", "headers": {"Content-Type": "multipart/form-data; boundary=-"}},
        {"content": b"--", "headers": {"Content-Type": "multipart/form-data"}},
    ],
)
def test_a_wrong_form_is_refused(request_: dict[str, Any], server: Server):
    response = server.client.post("/v1/upscale", **request_)
    kind = {415: "format", 422: "options"}[response.status_code]
    assert "image" in assert_problem(response, response.status_code, kind)["detail"]


def test_addresses_and_methods_that_do_not_exist(server: Server):
    assert_problem(server.client.get("/v2"), 404, "not-found")
    assert_problem(server.client.get("/v1/jobs/../../etc/passwd"), 404, "not-found")
    assert_problem(server.client.get("/page/%2e%2e/app.py"), 404, "not-found")
    response = server.client.put("/v1/upscale")
    assert_problem(response, 405, "method")
    assert response.headers["allow"] == "POST"


def test_other_sites_pages_and_names_are_refused(server: Server):
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert_problem(server.client.get("/v1/models", headers=headers), 403, "foreign-page")
    own = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
    assert server.client.get("/v1/models", headers=own).status_code == 200
    rebound = {"Host": "evil.example"}
    assert_problem(server.client.get("/", headers=rebound), 421, "wrong-host")


@pytest.mark.parametrize("path", ["/", "/v1/models", "/v1/jobs/x", "/nothing", "/metrics"])
def test_every_answer_bears_the_security_headers(path: str, server: Server):
    headers = server.client.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers
    assert "access-control-allow-origin" not in headers


def test_every_problem_is_explained(server: Server):
    page = server.client.get("/problems").text
    assert set(re.findall(r'id="([\w-]+)"', page)) == set(TITLES)


def test_a_token_is_asked_for():
    with running(token="secret") as server:  # noqa: S106 - of this test only
        for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic secret"}):
            for path in ("/v1/models", "/metrics", "/v1/jobs/x"):
                response = httpx.get(server.url + path, headers=header)
                assert_problem(response, 401, "token-needed")
                assert response.headers["www-authenticate"] == "Bearer"
        for path in ("/healthz", "/", "/openapi.json"):
            assert httpx.get(server.url + path).status_code == 200
        assert server.client.get("/v1/models").status_code == 200
        assert "secret" not in server.stop()


# Limits


@pytest.fixture(scope="module")
def tight() -> Iterator[Server]:
    """A service that takes little."""
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


def test_too_many_bytes_are_refused(tight: Server):
    assert_problem(ask(tight, bytes(200_000)), 413, "too-large")

    def parts() -> Iterator[bytes]:
        for _ in range(20):
            yield bytes(10_000)

    kind = {"Content-Type": "image/png"}
    assert_problem(
        tight.client.post("/v1/upscale", content=parts(), headers=kind), 413, "too-large"
    )


def test_too_many_pixels_are_refused_before_anything_is_decoded(tight: Server):
    small = ask(tight, png(120), scale=2)
    assert small.status_code == 200
    problem = assert_problem(ask(tight, png(120), scale=3), 413, "too-large")
    assert "120 × 120" in problem["detail"]
    header = bytearray(png(1))
    header[16:24] = (1_000_000).to_bytes(4) * 2  # the checksum is then wrong, too
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


def test_too_many_pages_are_refused(server: Server):
    pages, file = [Image.new("1", (1, 1)) for _ in range(Limits().pages + 1)], io.BytesIO()
    pages[0].save(file, "tiff", save_all=True, append_images=pages[1:])
    problem = assert_problem(ask(server, file.getvalue()), 422, "picture")
    assert problem["detail"] == "The picture: it has more pages than the limit of 200."


def test_a_body_whose_end_could_be_mistaken_is_refused(server: Server):
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


def test_a_body_that_trickles_in_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(guard, "_GRACE_SECONDS", 0.1)

    async def receive() -> Message:
        await asyncio.sleep(0.03)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def read_all() -> None:
        body = guard._Body(receive, {"type": "http", "headers": []}, Limits())
        while True:
            await body.receive()

    with pytest.raises(Problem) as raised:
        asyncio.run(read_all())
    assert raised.value.status == 408


def test_a_body_that_comes_too_slowly_is_refused(tight: Server):
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


def test_a_client_and_all_together_have_a_limited_number_of_places(tight: Server):
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
        assert third.post("/v1/upscale", files={"image": png(8)}).status_code == 200


def test_a_finished_job_vanishes(tight: Server):
    job = tight.client.post("/v1/jobs", files={"image": png(8)}).json()["id"]
    assert list(events(tight, job))[-1]["state"] == "done"
    wait_until(lambda: tight.client.get(f"/v1/jobs/{job}").status_code == 404)
    wait_until(lambda: not stored(tight))


def test_where_too_much_is_kept_the_oldest_job_vanishes():
    with running("--max-stored", "1") as server:
        jobs = []
        for _ in range(2):
            jobs.append(server.client.post("/v1/jobs", files={"image": png(240)}).json()["id"])
            assert list(events(server, jobs[-1]))[-1]["state"] == "done"
        older, younger = jobs
        wait_until(lambda: server.client.get(f"/v1/jobs/{older}").status_code == 404)
        kept = server.client.get(f"/v1/jobs/{younger}/result").content
        assert len(kept) < 2**20 < 2 * len(kept)


def test_a_client_that_leaves_frees_its_place(tight: Server):
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


def test_a_picture_that_takes_too_long_is_given_up_and_the_next_is_done():
    with running("--max-seconds", "5") as server:
        assert_problem(ask(server, png(512), ensemble=True), 503, "time-limit")
        wait_until(lambda: is_ready(server))
        assert ask(server, png(4)).status_code == 200
        wait_until(lambda: not stored(server))


def test_when_the_computing_process_dies_another_takes_over(server: Server):
    job = server.client.post(
        "/v1/jobs", params={"ensemble": True}, files={"image": png(96)}
    ).json()["id"]
    wait_until(lambda: server.client.get(f"/v1/jobs/{job}").json()["state"] == "running")
    for child in workers(server):
        os.kill(child, signal.SIGKILL)
    assert list(events(server, job))[-1]["problem"]["status"] == 500
    wait_until(lambda: is_ready(server))
    assert ask(server, png(8)).status_code == 200


def test_a_process_that_dies_while_nobody_asks_is_started_again(server: Server):
    for child in workers(server):
        os.kill(child, signal.SIGKILL)
        wait_until(lambda child=child: child not in workers(server))  # type: ignore[misc]
        wait_until(lambda: len(workers(server)) == 2 and is_ready(server))
    assert ask(server, png(8)).status_code == 200


def test_where_no_file_can_be_kept_a_picture_is_refused():
    with running() as server:
        (folder,) = server.folder.iterdir()
        folder.rmdir()
        assert_problem(ask(server, png(8)), 503, "storage")


# Running it


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--engine", "onnxruntime", "--device", "nowhere"], "this ONNX Runtime has no device"),
        (["--device", "nowhere"], "OpenVINO has no device 'NOWHERE' here, only "),
        (["--engine", "torch"], 'torch is not installed; install it with: pip install "gladsr[to'),
        (["--precision", "int8"], "gladsr has no int8 weights at ×2; make them with: gladsr "),
    ],
)
def test_an_engine_that_cannot_be_had_ends_it_with_code_2_and_one_plain_line(
    words: list[str], message: str, tmp_path: Path
):
    missing = tmp_path / "missing" / "torch.py"
    missing.parent.mkdir()
    missing.write_text("raise ModuleNotFoundError(name='torch')", encoding="utf-8")
    cache = {"XDG_CACHE_HOME": str(tmp_path)}
    code, said, left = ends(*words, path=missing.parent, environment=cache)
    assert said.startswith(f"gladsr: {message}")
    assert (code, said.count("\n"), left) == (2, 1, [])


def test_a_port_that_is_taken_ends_it_with_code_2(server: Server):
    port = str(httpx.URL(server.url).port)
    code, said, left = ends("--port", port)
    assert f"cannot listen on 127.0.0.1, port {port}; choose another with" in said
    assert "Traceback" not in said
    assert (code, left) == (2, [])


@pytest.mark.parametrize(
    ("signals", "code"), [([signal.SIGHUP], 0), ([signal.SIGINT, signal.SIGINT], 130)]
)
def test_a_closed_terminal_or_a_second_signal_ends_it_at_once(
    signals: list[signal.Signals], code: int
):
    with running() as server:
        options, files = {"ensemble": True}, {"image": png(384)}
        job = server.client.post("/v1/jobs", params=options, files=files).json()["id"]
        wait_until(lambda: server.client.get(f"/v1/jobs/{job}").json()["state"] == "running")
        with server.client.stream("GET", f"/v1/jobs/{job}/events"):
            start = monotonic()
            *first, last = signals
            for one in first:
                server.process.send_signal(one)
                wait_until(lambda: "finishing the picture" in "".join(server.said))
            printed = server.stop(last)
        assert monotonic() - start < 10
        assert server.process.returncode == code
        assert "Traceback" not in printed
        assert "Exception" not in printed
        assert list(server.folder.iterdir()) == []


def test_what_there_is_to_say_of_a_picture_names_no_file_in_the_log():
    file = io.BytesIO()
    Image.new("CMYK", (32, 32)).save(file, "JPEG")
    with running() as server:
        answer = server.client.post("/v1/upscale", files={"image": file.getvalue()})
        assert answer.status_code == 200
        assert "CMYK" not in server.stop()


def test_sigterm_finishes_what_runs_and_refuses_the_rest():
    with running() as server:
        body, answers = png(192), {}

        def upscale(name: str) -> None:
            answers[name] = httpx.post(
                server.url + "/v1/upscale", params={"ensemble": True}, files={"image": body},
                timeout=60,
            )  # fmt: skip

        threads = []
        for name in ("runs", "waits"):
            threads.append(threading.Thread(target=upscale, args=(name,)))
            threads[-1].start()
            sleep(1)
        printed = server.stop()
        for thread in threads:
            thread.join()
        assert answers["runs"].status_code == 200
        assert_problem(answers["waits"], 503, "stopping")
        assert server.process.returncode == 0
        assert "Traceback" not in printed
        assert printed.count("finishing the picture that is being computed") == 1
        assert list(server.folder.glob("gladsr-serve-*")) == []


@pytest.mark.parametrize(
    ("sent", "closes_after"),
    [
        (b"", "head"),
        (b"GET /healthz HTTP/1.1\r\nHost: loc", "head"),
        (b"\0\1\2\r\n\r\n", "at once"),
    ],
)
def test_a_connection_without_a_whole_request_is_closed(
    sent: bytes, closes_after: str, server: Server
):
    address = httpx.URL(server.url)
    with socket.create_connection((address.host, address.port or 0)) as connection:
        connection.sendall(sent)
        connection.settimeout(30)
        try:
            answer = connection.recv(4096)
        except ConnectionResetError:
            answer = b""
    assert answer[:12] == (b"" if closes_after == "head" else b"HTTP/1.1 400")


def test_the_counts_are_those_of_prometheus(server: Server, pictures: dict[str, Path]):
    def done() -> float:
        families = text_string_to_metric_families(server.client.get("/metrics").text)
        return sum(
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == "gladsr_pictures_total" and sample.labels["outcome"] == "done"
        )

    before = done()
    ask(server, pictures["png"].read_bytes())
    assert done() == before + 1


def test_the_models_are_those_of_the_zoo(server: Server):
    models = server.client.get("/v1/models").json()
    assert {(model["name"], model["scale"]) for model in models} >= {("gladsr", 2), ("gladsr-l", 4)}
    assert all(model["licence"] and model["parameters"] > 100_000 for model in models)
