"""Pictures: upload one and wait for the answer."""

from contextlib import ExitStack
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import FileResponse, Response

from gladsr.web import uploads
from gladsr.web.jobs import UpscaleJob
from gladsr.web.messages import Part
from gladsr.web.problems import documented
from gladsr.web.routes.shared import (
    PICTURE,
    PNG,
    UPLOAD_ERRORS,
    PictureResponse,
    ServiceParameter,
    add_picture,
    reject_repeated_options,
)
from gladsr.web.schemas import MasksOptions, UpscaleOptions
from gladsr.web.service import Service

router = APIRouter(prefix="/v1", dependencies=[Depends(reject_repeated_options)])


@router.post(
    "/upscale",
    summary="Upscale a picture and wait for it",
    response_class=FileResponse,
    responses={200: PICTURE, **documented(*UPLOAD_ERRORS, 410)},
    openapi_extra={"requestBody": uploads.REQUEST_BODY},
)
async def upscale(
    request: Request, service: ServiceParameter, options: Annotated[UpscaleOptions, Query()]
) -> Response:
    """Upscale the picture in the body of the request."""
    job = await add_picture(
        service, request, options.settings, format_=options.format, quality=options.quality
    )
    return await _response(service, request, job, "result")


@router.post(
    "/masks",
    summary="Return the guided masks of the network for a picture",
    description="The guided masks of its GLAM modules as one grey picture, stacked vertically, "
    "those of the basic net first. Lighter is larger; each mask is normalised. A mask has the "
    "picture's aspect, and its size unless that is large. Of several pages or frames, the first is "
    "used.",
    response_class=FileResponse,
    responses={200: PNG, **documented(*UPLOAD_ERRORS, 410)},
    openapi_extra={"requestBody": uploads.REQUEST_BODY},
)
async def masks(
    request: Request, service: ServiceParameter, options: Annotated[MasksOptions, Query()]
) -> Response:
    """Return the guided masks for the picture in the body of the request."""
    job = await add_picture(service, request, options.settings, format_="png", parts=["masks"])
    return await _response(service, request, job, "masks")


async def _response(service: Service, request: Request, job: UpscaleJob, part: Part) -> Response:
    """Wait for a job and return one of its parts; then the job is discarded."""
    with ExitStack() as stack:
        stack.callback(service.discard, job)
        await uploads.unless_client_leaves(request, job.finished.wait())
        if job.problem is not None:
            raise job.problem
        timing = {"Server-Timing": f"compute;dur={1000 * (job.seconds or 0):.0f}"}
        return PictureResponse(job, part, stack.pop_all().close, timing)
