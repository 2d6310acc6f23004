"""The processes that touch pictures, and a service whose processes fail."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gladsr.errors import EngineError
from gladsr.web import Limits, Machine, Service, service, tasks
from gladsr.web.formats import PNG
from gladsr.web.service import Job
from gladsr.web.tasks import FAILED, Settings, Task, inspect
from gladsr.web.worker import READY, REFUSED, Worker, WorkerDiedError, WorkerRefusedError

SECONDS = 30


@pytest.fixture
def mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file by which processes know of those that were there before."""
    path = tmp_path / "mark"
    monkeypatch.setenv("GLADSR_TEST_MARK", str(path))
    return path


def is_first() -> bool:
    mark = Path(os.environ["GLADSR_TEST_MARK"])
    first = not mark.exists()
    mark.touch()
    return first


# What the processes do


def wait_for_the_end(connection: Connection, _machine: Machine) -> None:
    connection.send((READY,))
    connection.recv()


def refuse(connection: Connection, _machine: Machine) -> None:
    connection.send((REFUSED, "there is no such device"))


def refuse_but_once(connection: Connection, machine: Machine) -> None:
    (wait_for_the_end if is_first() else refuse)(connection, machine)


def die_once(connection: Connection, pages: int) -> None:
    if not is_first():
        inspect(connection, pages)


def be_ready_once(connection: Connection, _machine: Machine) -> None:
    if is_first():
        connection.send((READY,))


def write_until_killed(connection: Connection, _machine: Machine) -> None:
    connection.send((READY,))
    folder = connection.recv().source.parent
    for number in range(10**9):
        if folder.exists():
            (folder / str(number)).touch()


def serve(folder: Path, do: Callable[[Service], Awaitable[None]], **limits: float) -> Service:
    """Do something with a service, and fail if that does not end."""
    folder.mkdir()
    made = Service(Limits(**limits), Machine(), folder)  # type: ignore[arg-type]  # the tests'

    async def run() -> None:
        async with asyncio.timeout(SECONDS), made.open():
            await do(made)

    asyncio.run(run())
    return made


class Talk:
    """A connection on which all tasks are there already."""

    def __init__(self, *given: Task) -> None:
        self._given = [*given]
        self.said: list[tuple[object, ...]] = []

    def recv(self) -> Task:
        if not self._given:
            raise EOFError
        return self._given.pop(0)

    def send(self, message: tuple[object, ...]) -> None:
        self.said.append(message)


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - there is nothing that tells of it
        await asyncio.sleep(0.05)


async def add(to: Service) -> Job:
    source = to.new_folder() / "source"
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(source, "png")
    return await to.add("client", source, Settings(scale=2), PNG, quality=95)


# The processes


def test_a_process_that_refuses_says_why():
    worker = Worker(refuse, Machine(), last=set())
    with pytest.raises(WorkerRefusedError, match="there is no such device"):
        asyncio.run(worker.start())
    assert not worker.ready


def test_a_process_that_cannot_be_started_is_named_as_dead(monkeypatch: pytest.MonkeyPatch):
    def fail(_self: SpawnProcess) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(SpawnProcess, "start", fail)
    with pytest.raises(WorkerDiedError, match="Cannot allocate memory"):
        asyncio.run(Worker(refuse, Machine(), last=set()).start())


def test_a_model_that_cannot_be_run_fails_without_telling_the_client_paths(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    def upscaler(model: str, **_machine: object) -> Callable[[object], object]:
        if model != Settings.model:
            raise EngineError("there are no weights in /home/me")
        return lambda pixels: pixels

    monkeypatch.setattr(tasks, "Upscaler", upscaler)
    monkeypatch.setattr(tasks, "_begin", lambda: None)
    settings = Settings(model="gladsr-l", scale=2)
    parts: dict[tasks.Part, Path] = {"result": tmp_path / "result.png"}
    talk = Talk(Task(source=tmp_path / "source", parts=parts, settings=settings, quality=95))
    tasks.upscale(talk, Machine())  # type: ignore[arg-type]  # a connection in all that is used
    ready, (name, kind, detail) = talk.said
    assert ready == (READY,)
    assert (name, kind) == (FAILED, "internal")
    assert isinstance(detail, str)
    assert detail.startswith("The service cannot run this model at this scale. Choose another")
    assert "there are no weights in /home/me" in caplog.text
    assert "Traceback" not in caplog.text


# A service whose processes fail


def test_it_ends_when_its_first_process_refuses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(service, "upscale", refuse)

    async def wait(made: Service) -> None:
        await until(lambda: made.failure)

    failure = serve(tmp_path / "files", wait).failure
    assert isinstance(failure, EngineError)
    assert str(failure) == "there is no such device"


def test_it_goes_on_when_a_later_process_refuses(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    mark: Path,
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setattr(service, "upscale", refuse_but_once)

    async def kill(made: Service) -> None:
        await until(lambda: made.ready)
        await made._upscaler.stop()
        await until(lambda: "(there is no such device); trying again" in caplog.text)
        mark.unlink()  # noqa: ASYNC240 - nothing else runs
        await until(lambda: made.ready)

    assert serve(tmp_path / "files", kill).failure is None


def test_a_process_that_reads_headers_is_started_again_when_its_first_start_dies(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mark: Path
):
    monkeypatch.setattr(service, "upscale", wait_for_the_end)
    monkeypatch.setattr(service, "inspect", die_once)

    async def wait(made: Service) -> None:
        await until(mark.exists)
        await until(lambda: made.ready)
        assert (await add(made)).sizes == [(4, 4)]

    assert serve(tmp_path / "files", wait).failure is None


def test_it_can_be_ended_while_its_process_cannot_be_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mark: Path
):
    monkeypatch.setattr(service, "upscale", be_ready_once)

    async def end(made: Service) -> None:
        await until(mark.exists)
        await until(lambda: made._inspector.ready and not made._upscaler.ready)
        job = await add(made)
        await asyncio.sleep(0.5)
        draining = asyncio.create_task(made.drain())
        await job.finished.wait()
        assert job.problem is not None
        assert job.problem.kind == "stopping"
        await draining

    serve(tmp_path / "files", end)


def test_a_picture_given_up_leaves_nothing_when_its_process_must_be_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(service, "upscale", write_until_killed)

    async def give_up(made: Service) -> None:
        await until(lambda: made.ready)
        job = await add(made)
        await until(lambda: job.state == "running")
        made.discard(job)
        await job.finished.wait()
        assert job.problem is not None
        assert job.problem.kind == "time-limit"
        assert not job.folder.exists()

    serve(tmp_path / "files", give_up, seconds=1)
