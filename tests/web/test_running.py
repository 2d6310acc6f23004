import io
import signal
import tempfile
import threading
from pathlib import Path
from time import monotonic

import httpx
import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from gladsr.cli import app
from gladsr.web.temporary_folder import private_folder, remove_abandoned

from .helpers import (
    Server,
    ask,
    assert_problem,
    ends,
    events,
    png,
    running,
    stored,
    wait_until,
    workers,
)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine", "onnxruntime", "--device", "nowhere"], "this ONNX Runtime has no device"),
        (["--device", "nowhere"], "OpenVINO has no device 'NOWHERE' here, only "),
        (["--engine", "torch"], 'torch is not installed; install it with: pip install "gladsr[to'),
        (["--precision", "int8"], "gladsr has no int8 weights at ×2; make them with: gladsr "),
    ],
)
def test_an_unusable_engine_exits_with_code_2_and_one_line(
    arguments: list[str], message: str, tmp_path: Path
):
    missing = tmp_path / "missing" / "torch.py"
    missing.parent.mkdir()
    missing.write_text("raise ModuleNotFoundError(name='torch')", encoding="utf-8")
    cache = {"XDG_CACHE_HOME": str(tmp_path)}
    code, said, left = ends(*arguments, path=missing.parent, environment=cache)
    assert said.startswith(f"gladsr: {message}")
    assert (code, said.count("\n"), left) == (2, 1, [])


def test_a_port_in_use_exits_with_code_2(server: Server):
    port = str(httpx.URL(server.url).port)
    code, said, left = ends("--port", port)
    assert f"cannot listen on 127.0.0.1, port {port}; choose another with" in said
    assert "Traceback" not in said
    assert (code, left) == (2, [])


@pytest.mark.parametrize(
    ("signals", "code"), [([signal.SIGHUP], 0), ([signal.SIGINT, signal.SIGINT], 130)]
)
def test_a_closed_terminal_or_a_second_signal_stops_it_at_once(
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
                wait_until(lambda: "finishing the running job" in "".join(server.log))
            printed = server.stop(last)
        assert monotonic() - start < 10
        assert server.process.returncode == code
        assert "Traceback" not in printed
        assert "Exception" not in printed
        assert list(server.folder.iterdir()) == []


def test_warnings_about_a_picture_are_not_logged():
    file = io.BytesIO()
    Image.new("CMYK", (32, 32)).save(file, "JPEG")
    with running() as server:
        answer = server.client.post("/v1/upscale", files={"image": file.getvalue()})
        assert answer.status_code == 200
        assert "CMYK" not in server.stop()


def is_computing(server: Server, *, waiting: int) -> bool:
    """Return whether one picture is computed while others wait."""
    counts = server.client.get("/metrics").text
    started = "gladsr_wait_seconds_count 1.0" in counts
    return started and f"gladsr_waiting_pictures {waiting:.1f}" in counts


def test_sigterm_finishes_the_running_job_and_rejects_the_rest():
    with running() as server:
        body, answers = png(128), {}

        def upscale(name: str) -> None:
            answers[name] = httpx.post(
                server.url + "/v1/upscale", params={"ensemble": True}, files={"image": body},
                timeout=60,
            )  # fmt: skip

        threads = []
        for name in ("runs", "waits"):
            threads.append(threading.Thread(target=upscale, args=(name,)))
            threads[-1].start()
            number = len(threads) - 1
            wait_until(lambda number=number: is_computing(server, waiting=number))  # type: ignore[misc]
        printed = server.stop()
        for thread in threads:
            thread.join()
        assert answers["runs"].status_code == 200
        assert_problem(answers["waits"], 503, "stopping")
        assert server.process.returncode == 0
        assert "Traceback" not in printed
        assert printed.count("finishing the running job") == 1
        assert list(server.folder.glob("gladsr-serve-*")) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "allow everyone with --no-token"),  # noqa: S104 - it fails
        (["--host", "192.0.2.1"], "allow everyone with --no-token"),
        (["--token", "a", "--no-token"], "give --token or --no-token, not both"),
        (["--token", ""], "--token is empty"),
    ],
)
def test_other_machines_need_a_token_or_an_explicit_option(arguments: list[str], message: str):
    result = CliRunner().invoke(app, ["serve", *arguments], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())


def test_a_killed_service_takes_its_processes_along_and_its_files_go_at_the_next_start():
    with running() as server:
        job = server.client.post("/v1/jobs", files={"image": png(8)}).json()["id"]
        assert list(events(server, job))[-1]["state"] == "done"
        processes = workers(server)
        assert len(processes) == 2
        server.process.kill()
        server.process.wait()
        wait_until(lambda: not any(Path(f"/proc/{process}").exists() for process in processes))
        assert stored(server)
        remove_abandoned(server.folder)
        assert list(server.folder.glob("gladsr-*")) == []


def test_the_folder_of_a_running_service_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with private_folder() as first, private_folder() as second:
        assert {first.stat().st_mode & 0o777, second.stat().st_mode & 0o777} == {0o700}
        assert sorted(tmp_path.iterdir()) == sorted([first, second])
    assert list(tmp_path.iterdir()) == []


def test_the_metrics_are_in_the_format_of_prometheus(server: Server, pictures: dict[str, Path]):
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
