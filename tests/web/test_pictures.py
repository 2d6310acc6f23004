import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gladsr import zoo
from gladsr.paper.explain import explain

from .helpers import (
    CHELSEA,
    EXIF_ARTIST,
    SUFFIXES,
    Server,
    ask,
    assert_problem,
    events,
    png_of,
    running,
    several,
    stored,
    wait_until,
)


@pytest.mark.parametrize("kind", SUFFIXES)
def test_the_result_is_that_of_the_command(
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
def test_a_picture_may_be_the_request_body_and_its_content_decides_the_format(
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
        {"ensemble": True, "model": "gladsr-l"},
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
def test_all_pages_and_frames_are_upscaled(
    kind: str, server: Server, tmp_path: Path, upscaled: Callable[..., bytes]
):
    path = several(tmp_path, SUFFIXES[kind])
    response = ask(server, path.read_bytes(), scale=2)
    assert response.content == upscaled(path, scale=2)
    with Image.open(io.BytesIO(response.content)) as image:
        assert (image.n_frames, image.size) == (3, (80, 64))  # type: ignore[attr-defined]
    problem = assert_problem(ask(server, path.read_bytes(), format="png"), 422, "picture")
    assert problem["detail"].startswith(("The result: ", "The picture: "))


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


def test_the_masks_are_those_of_the_network():
    with running("--precision", "fp32") as server:
        response = server.client.post(
            "/v1/masks", params={"model": "gladsr-l", "scale": 3}, content=png_of(CHELSEA)
        )
    assert response.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(response.content)) as image:
        assert image.mode == "L"
        shown = np.asarray(image).reshape(4, *CHELSEA.shape[:2])
    modules = explain(zoo.load_network("gladsr-l", 3), CHELSEA)
    for ours, module in zip(shown, modules, strict=True):
        assert module.mask is not None
        low, high = np.percentile(module.mask, (1, 99))
        expected = 255 * np.clip((module.mask - low) / (high - low), 0, 1)
        assert np.abs(ours - expected).max() < 1


def test_the_masks_of_a_large_picture_are_smaller(server: Server):
    large = np.kron(CHELSEA, np.ones((12, 12, 1), np.uint8))
    options: dict[str, str | float] = {"model": "gladsr-l", "scale": 1.5}
    response = server.client.post("/v1/masks", params=options, content=png_of(large))
    with Image.open(io.BytesIO(response.content)) as image:
        assert 140_000 < image.width * image.height / 4 < 150_000
        assert abs(image.width / (image.height / 4) - 40 / 32) < 0.01


def test_nothing_is_kept_and_no_file_name_is_returned(server: Server, pictures: dict[str, Path]):
    body = pictures["png"].read_bytes()
    files = {"image": ("../../my holiday.png", body, "image/png")}
    before = set(stored(server))  # jobs of other tests
    response = server.client.post("/v1/upscale", files=files)
    assert response.status_code == 200
    assert "holiday" not in str(response.headers)
    wait_until(lambda: before.issuperset(stored(server)))
