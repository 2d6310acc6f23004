"""The worker processes, and a service whose processes fail."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gladsr.errors import EngineError
from gladsr.web import header_process, upscale_process
from gladsr.web.formats import PNG
from gladsr.web.jobs import UpscaleJob
from gladsr.web.limits import Limits
from gladsr.web.messages import Done, Failed, Part, Ready, Unusable, UpscaleTask
from gladsr.web.problem_kinds import ProblemKind
from gladsr.web.service import Service
from gladsr.web.settings import EngineSettings, UpscaleSettings
from gladsr.web.worker_process import WorkerDiedError, WorkerProcess, WorkerUnusableError, tasks

SECONDS = 30


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """A file that the first process makes, so that the next ones know of it."""
    return tmp_path / "mark"


def is_first(mark: Path) -> bool:
    first = not mark.exists()
    mark.touch()
    return first


# Stand-ins for what the processes run


def wait_for_the_end(_settings: EngineSettings, connection: Connection) -> None:
    connection.send(Ready())
    connection.recv()


def be_unusable(_settings: EngineSettings, connection: Connection) -> None:
    connection.send(Unusable("there is no such device"))


def be_usable_once(mark: Path, settings: EngineSettings, connection: Connection) -> None:
    (wait_for_the_end if is_first(mark) else be_unusable)(settings, connection)


def die_once(mark: Path, pages: int, connection: Connection) -> None:
    if not is_first(mark):
        header_process.run(pages, connection)


def be_ready_once(mark: Path, _settings: EngineSettings, connection: Connection) -> None:
    if is_first(mark):
        connection.send(Ready())


def write_until_killed(_settings: EngineSettings, connection: Connection) -> None:
    connection.send(Ready())
    folder = connection.recv().source.parent
    for number in range(10**9):
        if folder.exists():
            (folder / str(number)).touch()


def take_a_second_once(_settings: EngineSettings, connection: Connection) -> None:
    connection.send(Ready())
    seconds = 1
    for _ in tasks(connection):
        sleep(seconds)
        connection.send(Done(seconds))
        seconds = 0


def serve(
    folder: Path,
    do: Callable[[Service], Awaitable[None]],
    limits: Limits = Limits(),  # noqa: B008 - it is frozen
    **processes: Any,
) -> Service:
    """Do something with a service, and fail if it does not end."""
    folder.mkdir()
    service = Service(limits, EngineSettings(), folder, **processes)

    async def run() -> None:
        async with asyncio.timeout(SECONDS), service.open():
            await do(service)

    asyncio.run(run())
    return service


class Talk:
    """A connection on which all tasks have arrived already."""

    def __init__(self, *tasks: UpscaleTask) -> None:
        self._tasks = [*tasks]
        self.sent: list[object] = []

    def recv(self) -> UpscaleTask:
        if not self._tasks:
            raise EOFError
        return self._tasks.pop(0)

    def send(self, message: object) -> None:
        self.sent.append(message)


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - nothing announces it
        await asyncio.sleep(0.05)


async def add(service: Service, client: str = "client") -> UpscaleJob:
    source = service.new_folder() / "source"
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(source, "png")
    slot = service.take_slot(client)
    return await service.add(slot, client, source, UpscaleSettings(scale=2), PNG, quality=95)


# The processes


def test_a_process_that_is_unusable_gives_the_reason():
    process: WorkerProcess[Any, Any] = WorkerProcess(partial(be_unusable, EngineSettings()))
    with pytest.raises(WorkerUnusableError, match="there is no such device"):
        asyncio.run(process.start())
    assert not process.ready


def test_a_process_that_cannot_be_started_counts_as_dead(monkeypatch: pytest.MonkeyPatch):
    def fail(_self: SpawnProcess) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(SpawnProcess, "start", fail)
    process: WorkerProcess[Any, Any] = WorkerProcess(partial(be_unusable, EngineSettings()))
    with pytest.raises(WorkerDiedError, match="Cannot allocate memory"):
        asyncio.run(process.start())


def test_a_model_that_cannot_run_fails_without_paths_for_the_client(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    def load(model: str) -> Any:
        if model != UpscaleSettings.model:
            raise EngineError("there are no weights in /home/me")
        return lambda pixels: pixels

    outputs: dict[Part, Path] = {"result": tmp_path / "result.png"}
    task = UpscaleTask(
        source=tmp_path / "source",
        outputs=outputs,
        settings=UpscaleSettings(model="gladsr-l", scale=2),
        quality=95,
    )
    talk: Any = Talk(task)
    upscale_process.serve(talk, load)
    ready, failed = talk.sent
    assert ready == Ready()
    assert isinstance(failed, Failed)
    assert failed.kind is ProblemKind.INTERNAL
    assert failed.detail.startswith("The service cannot run this model at this scale")
    assert "/home/me" not in failed.detail
    assert "there are no weights in /home/me" in caplog.text
    assert "Traceback" not in caplog.text


# A service whose processes fail


def test_it_ends_when_its_first_process_is_unusable(tmp_path: Path):
    async def wait(service: Service) -> None:
        await until(lambda: service.failure)

    failure = serve(tmp_path / "files", wait, upscale=be_unusable).failure
    assert isinstance(failure, EngineError)
    assert str(failure) == "there is no such device"


def test_it_goes_on_when_a_later_process_is_unusable(
    tmp_path: Path, mark: Path, caplog: pytest.LogCaptureFixture
):
    async def kill(service: Service) -> None:
        await until(lambda: service.ready)
        await service.runner.stop()
        await until(lambda: "(there is no such device); trying again" in caplog.text)
        mark.unlink()  # noqa: ASYNC240 - nothing else runs
        await until(lambda: service.ready)

    upscale = partial(be_usable_once, mark)
    assert serve(tmp_path / "files", kill, upscale=upscale).failure is None


def test_a_process_that_reads_headers_is_restarted_when_its_first_start_fails(
    tmp_path: Path, mark: Path
):
    async def wait(service: Service) -> None:
        await until(mark.exists)
        await until(lambda: service.ready)
        assert (await add(service)).header.sizes == [(4, 4)]

    serve(tmp_path / "files", wait, upscale=wait_for_the_end, read_headers=partial(die_once, mark))


def test_it_can_be_stopped_while_its_process_cannot_be_started(tmp_path: Path, mark: Path):
    async def stop(service: Service) -> None:
        await until(mark.exists)
        await until(lambda: service.headers.ready and not service.runner.ready)
        job = await add(service)
        await asyncio.sleep(0.5)
        draining = asyncio.create_task(service.drain())
        await job.finished.wait()
        assert job.problem is not None
        assert job.problem.kind is ProblemKind.STOPPING
        await draining

    serve(tmp_path / "files", stop, upscale=partial(be_ready_once, mark))


def test_a_job_that_times_out_leaves_no_files(tmp_path: Path):
    async def wait(service: Service) -> None:
        await until(lambda: service.ready)
        job = await add(service)
        await until(lambda: job.state == "running")
        await job.finished.wait()
        assert job.problem is not None
        assert job.problem.kind is ProblemKind.TIME_LIMIT
        service.discard(job)
        assert not job.folder.exists()

    serve(tmp_path / "files", wait, Limits(seconds=1), upscale=write_until_killed)


def test_a_client_pays_for_the_time_that_its_jobs_have_really_taken(tmp_path: Path):
    async def compute(service: Service) -> None:
        await until(lambda: service.ready)
        first = await add(service, "a")
        await until(lambda: first.state == "running")
        jobs = [await add(service, client) for client in ("a", "b", "b")]
        assert service.runner.ahead(jobs[0]) < service.runner.ahead(jobs[2])  # by the estimates
        order: list[str] = []

        async def note(job: UpscaleJob) -> None:
            await job.finished.wait()
            order.append(job.client)

        await asyncio.gather(*map(note, jobs))
        assert order == ["b", "b", "a"]

    serve(tmp_path / "files", compute, upscale=take_a_second_once)
