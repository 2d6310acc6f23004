"""Jobs: upload a picture and come back for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import FileResponse, StreamingResponse

from gladsr.web import uploads
from gladsr.web.jobs import UpscaleJob
from gladsr.web.messages import JobPart
from gladsr.web.problem_kinds import ProblemKind
from gladsr.web.problems import Problem, documented
from gladsr.web.routes.shared import (
    PICTURE,
    UPLOAD_ERRORS,
    PictureResponse,
    ServiceParameter,
    add_picture,
    reject_repeated_options,
)
from gladsr.web.schemas import ChosenModel, JobOptions, JobSettings, JobStatus
from gladsr.web.service import Service

router = APIRouter(prefix="/v1/jobs")

_KEEP_ALIVE_SECONDS = 15
_EVENT_SECONDS = 0.1  # between two events of one job


@router.post(
    "",
    status_code=202,
    summary="Upscale a picture and come back for it",
    responses=documented(*UPLOAD_ERRORS),
    openapi_extra={"requestBody": uploads.REQUEST_BODY},
    dependencies=[Depends(reject_repeated_options)],
)
async def create_job(
    request: Request,
    response: Response,
    service: ServiceParameter,
    options: Annotated[JobOptions, Query()],
) -> JobStatus:
    """Queue the picture in the body of the request."""
    job = await add_picture(
        service,
        request,
        options.settings,
        format_=options.format,
        quality=options.quality,
        parts=options.parts,
    )
    service.jobs.add(job)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return _status(service, job)


@router.get("/{job}", summary="The state of a job", responses=documented(401, 403, 404, 421, 422))
async def job_status(job: str, service: ServiceParameter) -> JobStatus:
    """Return the state of a job."""
    return _status(service, service.jobs.get(job))


@router.get(
    "/{job}/events",
    summary="The state of a job as it changes",
    description="Server-sent events named `job`; the data of each is the state of the job.",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Events until the job has finished.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **documented(401, 403, 404, 421, 422),
    },
)
async def job_events(job: str, service: ServiceParameter) -> Response:
    """Stream the state of a job."""
    return StreamingResponse(
        _events(service, service.jobs.get(job)), media_type="text/event-stream; charset=utf-8"
    )


@router.get(
    "/{job}/{part}",
    summary="A picture of a job",
    response_class=FileResponse,
    responses={200: PICTURE, **documented(401, 403, 404, 409, 410, 413, 421, 422, 500, 503)},
)
async def job_part(job: str, part: JobPart, service: ServiceParameter) -> Response:
    """Return one of the files of a job."""
    found = service.jobs.get(job)
    if part not in found.made:
        if found.problem is not None:
            raise found.problem
        raise Problem(
            ProblemKind.NOT_READY,
            "This part of the job is not ready, or was not requested.",
            status=409,
        )

    def sent() -> None:
        if part == "result":
            found.fetched.set()

    return PictureResponse(found, part, sent)


@router.delete(
    "/{job}",
    status_code=204,
    summary="Cancel a job, or remove its files",
    responses=documented(401, 403, 404, 421, 422),
)
async def delete_job(job: str, service: ServiceParameter) -> None:
    """Cancel a job, or remove its files."""
    service.discard(service.jobs.get(job))


async def _events(service: Service, job: UpscaleJob) -> AsyncIterator[str]:
    finished = False
    while not finished:
        changed, finished = job.changed, job.finished.is_set()
        yield f"event: job\ndata: {_status(service, job).model_dump_json()}\n\n"
        await asyncio.sleep(0 if finished else _EVENT_SECONDS)
        while not (finished or changed.is_set()):
            with suppress(TimeoutError):
                async with asyncio.timeout(_KEEP_ALIVE_SECONDS):
                    await changed.wait()
            if not changed.is_set():
                yield ": keep-alive\n\n"


def _status(service: Service, job: UpscaleJob) -> JobStatus:
    (height, width), (new_height, new_width) = job.input_size, job.output_size
    settings = job.settings
    return JobStatus(
        id=job.id,
        state=job.state,
        progress=job.progress,
        ahead=service.runner.ahead(job),
        width=width,
        height=height,
        new_width=new_width,
        new_height=new_height,
        pages=len(job.header.sizes),
        chosen=job.chosen and ChosenModel(model=job.chosen.model, reason=job.chosen.reason),
        settings=JobSettings(
            model=settings.model,
            scale=settings.scale,
            size=settings.size and str(settings.size),
            ensemble=settings.ensemble,
            draft=settings.draft,
        ),
        parts={part: f"/v1/jobs/{job.id}/{part}" for part in job.made},
        seconds=job.seconds,
        expires=job.expires,
        problem=job.problem.details if job.problem else None,
    )
