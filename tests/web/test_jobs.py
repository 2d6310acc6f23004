import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from .helpers import CHELSEA, Server, assert_problem, events, png, stored, wait_until


def test_a_job_reports_its_progress_and_keeps_its_pictures(
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


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ({}, {"model": "gladsr-photo", "reason": "JPEG quality 60"}),
        ({"model": "gladsr-l"}, None),
    ],
)
def test_a_job_reports_the_model_that_was_chosen(
    options: dict[str, str], chosen: dict[str, str] | None, server: Server
):
    file = io.BytesIO()
    Image.fromarray(CHELSEA).save(file, "jpeg", quality=60)
    job = server.client.post(
        "/v1/jobs", params={"draft": True, **options}, files={"image": file.getvalue()}
    ).json()
    assert list(events(server, job["id"]))[-1]["chosen"] == chosen
    assert job["settings"]["model"] == options.get("model", "auto")


def test_a_queued_job_reports_how_many_are_ahead_and_can_be_cancelled(server: Server):
    before = set(stored(server))
    body, options = png(96), {"ensemble": True}
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


def test_a_failed_job_reports_the_reason(server: Server, pictures: dict[str, Path]):
    body = pictures["png"].read_bytes()
    job = server.client.post("/v1/jobs", files={"image": body[: len(body) // 2]}).json()
    last = list(events(server, job["id"]))[-1]
    assert last["state"] == "failed"
    problem = assert_problem(server.client.get(f"/v1/jobs/{job['id']}/result"), 422, "picture")
    assert last["problem"] == problem
    assert problem["detail"].startswith("The picture: ")
