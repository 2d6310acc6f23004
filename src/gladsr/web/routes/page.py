"""The web page."""

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

PAGE = Path(str(files("gladsr.web") / "page"))

router = APIRouter(include_in_schema=False)


@router.get("/")
async def index() -> Response:
    """Return the page."""
    return _page("index.html")


@router.get("/problems")
async def problems() -> Response:
    """Return the page that explains errors."""
    return _page("problems.html")


def _page(name: str) -> FileResponse:
    return FileResponse(PAGE / name, headers={"Cache-Control": "no-cache"})
