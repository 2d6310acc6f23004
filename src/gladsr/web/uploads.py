"""Uploads: pictures as request bodies or form fields, and clients that leave meanwhile."""

import asyncio
import shutil
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from gladsr.pictures.formats import Format
from gladsr.web.formats import FORMATS, NAMES, SIGNATURE_BYTES, media_type, recognise
from gladsr.web.problem_kinds import ProblemKind
from gladsr.web.problems import Problem

Result = TypeVar("Result")

FIELD = "image"
"""The name of the form field."""

RAW_TYPES = sorted({*map(media_type, FORMATS.values()), "application/octet-stream"})

REQUEST_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {FIELD: {"type": "string", "format": "binary"}},
                "required": [FIELD],
                "additionalProperties": False,
            }
        },
        **{kind: {"schema": {"type": "string", "format": "binary"}} for kind in RAW_TYPES},
    },
}
"""The OpenAPI description of an upload."""

_FORM = (
    f"The form must have one picture in the file field `{FIELD}` and no other field; "
    "options belong in the query, as in /v1/upscale?scale=2."
)


async def receive_upload(request: Request, path: Path) -> Format:
    """Write the picture of a request to a file and return its format.

    Raises:
        Problem: There is no picture, or its format is not supported.
        ClientDisconnect: The client has left.
    """
    declared = request.headers.get("content-type", "application/octet-stream")
    sent_as = declared.partition(";")[0].strip().lower()
    if sent_as == "multipart/form-data":
        await _receive_form(request, path)
    elif sent_as in RAW_TYPES:
        with path.open("xb") as file:
            async for chunk in request.stream():
                file.write(chunk)
    else:
        raise Problem(
            ProblemKind.FORMAT,
            f"Send the picture in the field `{FIELD}` of a form (multipart/form-data), or as the "
            f"request body with one of the types {', '.join(RAW_TYPES)}.",
        )
    with path.open("rb") as file:
        head = file.read(SIGNATURE_BYTES)
    if not head:
        raise Problem(ProblemKind.PICTURE, "The picture is empty.")
    format_ = recognise(head)
    if format_ is None:
        raise Problem(ProblemKind.FORMAT, f"Send a picture in one of these formats: {NAMES}.")
    return format_


async def unless_client_leaves(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Do some work for a request that has been read, and cancel it if the client disconnects.

    Raises:
        ClientDisconnect: It has.
    """
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_disconnect(request))
    try:
        await asyncio.wait([working, leaving], return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        leaving.cancel()
        working.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await working


async def _disconnect(request: Request) -> None:
    with suppress(ClientDisconnect):
        while (await request.receive())["type"] != "http.disconnect":
            pass


async def _receive_form(request: Request, path: Path) -> None:
    try:
        form = await request.form(max_files=1, max_fields=0)
    except HTTPException as error:
        raise Problem(ProblemKind.OPTIONS, _FORM) from error
    try:
        picture = form.get(FIELD)
        if not isinstance(picture, UploadFile):
            raise Problem(ProblemKind.OPTIONS, _FORM)
        with path.open("xb") as file:
            await asyncio.to_thread(shutil.copyfileobj, picture.file, file)
    finally:
        await form.close()
