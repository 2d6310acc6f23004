"""Pictures as they come in: the whole body of a request, or a field of a form."""

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from gladsr.pictures.formats import Format
from gladsr.web.formats import FORMATS, NAMES, SIGNATURE_BYTES, media_type, recognise
from gladsr.web.problems import Problem

FIELD = "image"
"""The name of the form's field."""

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
"""What OpenAPI says of it."""


async def receive(request: Request, path: Path) -> Format:
    """Write the picture of a request to a file of ours and return its format.

    Raises:
        Problem: There is no picture, or none of a format that is read.
        ClientDisconnect: The client has left.
    """
    declared = request.headers.get("content-type", "application/octet-stream")
    sent_as = declared.partition(";")[0].strip().lower()
    if sent_as == "multipart/form-data":
        await _from_form(request, path)
    elif sent_as in RAW_TYPES:
        with path.open("xb") as file:
            async for chunk in request.stream():
                file.write(chunk)
    else:
        raise Problem(
            "format",
            415,
            f"Send the picture in the field `{FIELD}` of a form (multipart/form-data), or by "
            f"itself as {', '.join(RAW_TYPES)}.",
        )
    with path.open("rb") as file:
        head = file.read(SIGNATURE_BYTES)
    if not head:
        raise Problem("picture", 422, "The picture is empty.")
    kind = recognise(head)
    if kind is None:
        raise Problem("format", 415, f"Send a picture of one of these formats: {NAMES}.")
    return kind


async def _from_form(request: Request, path: Path) -> None:
    try:
        form = await request.form(max_files=1, max_fields=0)
    except HTTPException as error:
        raise Problem("options", 422, _FORM) from error
    try:
        picture = form.get(FIELD)
        if not isinstance(picture, UploadFile):
            raise Problem("options", 422, _FORM)
        with path.open("xb") as file:
            await asyncio.to_thread(shutil.copyfileobj, picture.file, file)
    finally:
        await form.close()


_FORM = (
    f"The form must have one picture in the file field `{FIELD}` and no other field; "
    "options belong into the address, as in /v1/upscale?scale=2."
)


async def left(request: Request) -> None:
    """Wait until the client, whose request has been read, leaves."""
    with suppress(ClientDisconnect):
        while (await request.receive())["type"] != "http.disconnect":
            pass
