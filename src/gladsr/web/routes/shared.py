"""What several routes have in common: the service, adding a picture, sending one."""

import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

from gladsr.pictures.formats import by_name
from gladsr.web.clients import client_of
from gladsr.web.formats import FORMATS, media_type
from gladsr.web.jobs import UpscaleJob
from gladsr.web.messages import Part
from gladsr.web.problem_kinds import ProblemKind
from gladsr.web.problems import Problem
from gladsr.web.schemas import JobOptions
from gladsr.web.service import Service
from gladsr.web.settings import UpscaleSettings
from gladsr.web.uploads import receive_upload, unless_client_leaves

PICTURE: dict[str, Any] = {
    "description": "The picture.",
    "content": {
        media_type(format_): {"schema": {"type": "string", "format": "binary"}}
        for format_ in FORMATS.values()
    },
}
"""The OpenAPI description of a response with a picture."""

PNG = {"description": "The picture.", "content": {"image/png": PICTURE["content"]["image/png"]}}
"""The same for a PNG file."""

UPLOAD_ERRORS = (400, 401, 403, 408, 413, 415, 421, 422, 429, 500, 503)


def _service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceParameter = Annotated[Service, Depends(_service_of)]


def reject_repeated_options(request: Request) -> None:
    """Reject a query with an option that is given twice.

    Raises:
        Problem: There is one.
    """
    given = [name for name, _ in request.query_params.multi_items()]
    repeated = {name for name in given if given.count(name) > 1}
    if repeated:
        known = sorted(repeated.intersection(JobOptions.model_fields))
        names = f" ({', '.join(known)})" if known else ""
        raise Problem(ProblemKind.OPTIONS, f"An option is given more than once{names}.")


async def add_picture(
    service: Service,
    request: Request,
    settings: UpscaleSettings,
    *,
    format_: str | None = None,
    quality: int = 95,
    parts: Sequence[Part] = ("result",),
) -> UpscaleJob:
    """Receive the picture of a request and queue it.

    Raises:
        Problem: It cannot be upscaled, or there is no room for it.
        ClientDisconnect: The client has left.
    """
    client = client_of(request.client.host if request.client else "")
    slot = service.take_slot(client)
    with ExitStack() as undo:
        undo.callback(slot.release)
        try:
            folder = service.new_folder()
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
            source = folder / "source"
            with service.admission.upload(client):
                own = await receive_upload(request, source)
        except OSError as error:
            raise Problem(ProblemKind.STORAGE, "The picture cannot be stored.") from error
        adding = service.add(
            slot,
            client,
            source,
            settings,
            FORMATS[format_] if format_ else own,
            quality=quality,
            parts=parts,
        )
        job = await unless_client_leaves(request, adding)
        undo.pop_all()
    return job


class PictureResponse(FileResponse):
    """A part of a job.

    Args:
        job: The job.
        part: The part.
        sent: Called when all of it is read, or the client has left.
        headers: Additional headers.
    """

    def __init__(
        self,
        job: UpscaleJob,
        part: Part,
        sent: Callable[[], None],
        headers: dict[str, str] | None = None,
    ) -> None:
        path = job.outputs[part]
        super().__init__(
            path, media_type=_media_type(path), filename=_file_name(job, part), headers=headers
        )
        self._sent = sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""

        async def send_and_note(message: Message) -> None:
            # Before the last part goes out, so that a client that has it finds its slot free.
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                self._sent()
            await send(message)

        try:
            await super().__call__(scope, receive, send_and_note)
        finally:
            self._sent()


def _media_type(path: Path) -> str:
    format_ = by_name(path)
    assert format_ is not None  # noqa: S101 - the service has named the file
    return media_type(format_)


def _file_name(job: UpscaleJob, part: Part) -> str:
    height, width = job.output_size
    scale = job.settings.scale
    target = f"x{scale:g}" if scale else f"{width}x{height}"
    stem = "upscaled" if part == "result" else part
    return f"{stem}-{target}{job.outputs[part].suffix}"
