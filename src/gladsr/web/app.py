"""The service's addresses: what may be asked, and what is answered."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Match, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

import gladsr
from gladsr import zoo
from gladsr.errors import SizeError
from gladsr.pictures.formats import by_name
from gladsr.upscaling.sizes import MAX_SCALE, SIZE_PATTERN, parse_size
from gladsr.web import metrics, uploads
from gladsr.web.formats import FORMATS, media_type
from gladsr.web.guard import Guard
from gladsr.web.problems import Problem, ProblemDetails, documented
from gladsr.web.service import Job, Service, State
from gladsr.web.tasks import JobPart, Part, Settings

PAGE = Path(str(files("gladsr.web") / "page"))

_KEEP_ALIVE_SECONDS = 15
_EVENT_SECONDS = 0.1  # between two events of one job
_CLIENT_LEFT = 499  # nobody reads it
_PICTURE: dict[str, Any] = {
    "description": "The picture.",
    "content": {
        media_type(kind): {"schema": {"type": "string", "format": "binary"}}
        for kind in FORMATS.values()
    },
}
_PNG = {"description": "The picture.", "content": {"image/png": _PICTURE["content"]["image/png"]}}
_TAKING_IN = (400, 401, 403, 408, 413, 415, 421, 422, 429, 500, 503)


def _known_model(name: str) -> str:
    if name not in zoo.MODELS:
        raise PydanticCustomError("model", "there is no such model; /v1/models has them")
    return name


def _known_format(name: str) -> str:
    if name not in FORMATS:
        raise PydanticCustomError("format", "it must be one of {names}", {"names": _FORMAT_NAMES})
    return name


def _known_size(words: str) -> str:
    try:
        parse_size(words)
    except SizeError:
        raise PydanticCustomError(
            "size", "it must be such as 1920x1080, 3840x or x2160"
        ) from None  # its words are the request's
    return words


_FORMAT_NAMES = ", ".join(FORMATS)
_Model = Annotated[
    str,
    Field(json_schema_extra={"enum": [*zoo.MODELS]}, description="One of /v1/models."),
    AfterValidator(_known_model),
]
_Scale = Annotated[float, Field(gt=1, le=MAX_SCALE)]
_Size = Annotated[
    str, Field(json_schema_extra={"pattern": SIZE_PATTERN}), AfterValidator(_known_size)
]
_Format = Annotated[
    str, Field(json_schema_extra={"enum": [*FORMATS]}), AfterValidator(_known_format)
]


class AttentionOptions(BaseModel):
    """Which network to look into."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: _Model = "gladsr"
    scale: Annotated[
        _Scale,
        Field(description="As for upscaling: the network that is run, the first one of two."),
    ] = 2


class Options(BaseModel):
    """How to upscale."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: _Model = "gladsr"
    scale: Annotated[
        _Scale | None,
        Field(description="How many times larger, whole or not; 2 if there is no size either."),
    ] = None
    size: Annotated[
        _Size | None,
        Field(
            description="Instead of a scale: as large as fits into 1920x1080, 3840x or x2160; the "
            "aspect is kept."
        ),
    ] = None
    ensemble: Annotated[
        bool, Field(description="Average over 8 flips and turns: sharper, 8 times slower.")
    ] = False
    draft: Annotated[
        bool, Field(description="The network's coarse output, in about half the time.")
    ] = False
    format: Annotated[
        _Format | None, Field(description="The result's format; the picture's own unless told.")
    ] = None
    quality: Annotated[
        int, Field(ge=1, le=100, description="Of JPEG, WebP and AVIF; WebP is lossless at 100.")
    ] = 95

    @model_validator(mode="after")
    def _scale_or_size(self) -> "Options":
        if self.scale is not None and self.size is not None:
            raise PydanticCustomError("both", "give a scale or a size, not both")
        return self

    @property
    def settings(self) -> Settings:
        """What the network is told."""
        return Settings(
            model=self.model,
            scale=2 if self.scale is None and self.size is None else self.scale,
            size=self.size,
            ensemble=self.ensemble,
            draft=self.draft,
        )


class JobOptions(Options):
    """How to upscale, and what to show while it is done."""

    preview: Annotated[
        bool,
        Field(
            description="Make also the parts `bicubic`, `draft` and, of TIFF or of several pages "
            "or frames, `view`: pictures of the first page to show in a browser, the first two "
            "before the result is there."
        ),
    ] = False


class JobStatus(BaseModel):
    """How far a job is."""

    id: str
    state: State
    progress: float = Field(ge=0, le=1, description="The share done of the result.")
    ahead: int = Field(ge=0, description="How many pictures come before it.")
    width: int = Field(description="Of the picture that came in, in pixels.")
    height: int
    new_width: int = Field(description="Of the upscaled picture, in pixels.")
    new_height: int
    pages: int = Field(
        description="How many pages or frames the picture has; sizes are the first's."
    )
    settings: Settings
    parts: dict[Part, str] = Field(description="The addresses of the pictures made so far.")
    seconds: float | None = Field(description="How long it took to compute, once it is done.")
    expires: datetime | None = Field(description="When its files vanish, once it is finished.")
    problem: ProblemDetails | None = Field(description="Why it failed, if it did.")


class ModelDescription(BaseModel):
    """A model and what it costs and is worth."""

    name: str
    purpose: str = Field(description="Which pictures it is for.")
    scale: int
    parameters: int
    mult_adds: int = Field(description="Multiply-adds for an output of 960×960 pixels.")
    scores: dict[str, dict[str, float]] = Field(description="PSNR in dB and SSIM by test set.")
    licence: str = Field(description="The terms of the weights.")


class Health(BaseModel):
    """That the service lives."""

    status: Literal["ok"] = "ok"


class _PictureResponse(FileResponse):
    """A file, and what to do when the whole of it is read or the client has left."""

    def __init__(self, path: Path, *, sent: Callable[[], None], **arguments: Any) -> None:
        super().__init__(path, **arguments)
        self._sent = sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def watch(message: Message) -> None:
            # Before the last part goes out, so that whoever has it finds the place free.
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                self._sent()
            await send(message)

        try:
            await super().__call__(scope, receive, watch)
        finally:
            self._sent()


def create_app(
    service: Service, *, token: str | None = None, hosts: Sequence[str] | None = None
) -> FastAPI:
    """Return the page and the service as an ASGI application.

    Args:
        service: Does the work.
        token: What requests must bear, if anything.
        hosts: The names by which the service may be called; any if None.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with service.open():
            yield

    app = FastAPI(
        title="gladsr",
        version=gladsr.__version__,
        summary="Single-image super-resolution.",
        docs_url=None,  # they would load their scripts from another host
        redoc_url=None,
        lifespan=lifespan,
    )
    app.add_middleware(
        Guard, limits=service.limits, token=token, hosts=hosts, metrics=service.metrics
    )
    _add_errors(app, service)
    _add_upscaling(app, service)
    _add_jobs(app, service)
    _add_facts(app, service)
    _describe(app, with_token=token is not None)
    _add_page(app)
    return app


def client_of(request: Request) -> str:
    """Return who asks: an address, of IPv6 the network, which one client has to itself."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return host


def _add_upscaling(app: FastAPI, service: Service) -> None:
    @app.post(
        "/v1/upscale",
        summary="Upscale a picture and wait for it",
        response_class=FileResponse,
        responses={200: _PICTURE, **documented(*_TAKING_IN, 410)},
        openapi_extra={"requestBody": uploads.REQUEST_BODY},
    )
    async def upscale(request: Request, options: Annotated[Options, Query()]) -> Response:
        with ExitStack() as stack:
            job = await _take_in(
                service,
                request,
                options.settings,
                stack,
                kind=options.format,
                quality=options.quality,
            )
            return await _answer(service, request, job, "result", stack)

    @app.post(
        "/v1/attention",
        summary="Show what the network attends to in a picture",
        description="The guided masks of its modules (GLAMs) as one grey picture, one below the "
        "other, those of the basic net first; lighter is more, each in its own range. Every mask "
        "has the picture's aspect, and its size unless that is large. Of several pages or frames, "
        "it is the first.",
        response_class=FileResponse,
        responses={200: _PNG, **documented(*_TAKING_IN, 410)},
        openapi_extra={"requestBody": uploads.REQUEST_BODY},
    )
    async def attention(
        request: Request, options: Annotated[AttentionOptions, Query()]
    ) -> Response:
        settings = Settings(model=options.model, scale=options.scale)
        with ExitStack() as stack:
            job = await _take_in(service, request, settings, stack, kind="png", parts=["attention"])
            return await _answer(service, request, job, "attention", stack)


async def _answer(
    service: Service, request: Request, job: Job, part: Part, stack: ExitStack
) -> Response:
    """Wait for a job and answer with a part of it; the stack lasts until it is sent."""
    stack.callback(service.discard, job)
    await _first(job.finished.wait(), uploads.left(request))
    if not job.finished.is_set():
        return Response(status_code=_CLIENT_LEFT)
    if job.problem is not None:
        raise job.problem
    timing = {"Server-Timing": f"compute;dur={1000 * (job.seconds or 0):.0f}"}
    return _picture(job, part, stack.pop_all().close, headers=timing)


def _picture(
    job: Job, part: Part, sent: Callable[[], None], *, headers: dict[str, str] | None = None
) -> Response:
    path = job.parts[part]
    kind = by_name(path)
    assert kind is not None  # noqa: S101 - the name is ours
    height, width = job.settings.enlarged(job.sizes[0])
    scale = job.settings.scale
    target = f"x{scale:g}" if scale else f"{width}x{height}"
    return _PictureResponse(
        path,
        sent=sent,
        media_type=media_type(kind),
        filename=f"{'upscaled' if part == 'result' else part}-{target}{path.suffix}",
        headers=headers,
    )


def _add_jobs(app: FastAPI, service: Service) -> None:
    @app.post(
        "/v1/jobs",
        status_code=202,
        summary="Upscale a picture and come back for it",
        responses=documented(*_TAKING_IN),
        openapi_extra={"requestBody": uploads.REQUEST_BODY},
    )
    async def create_job(
        request: Request, response: Response, options: Annotated[JobOptions, Query()]
    ) -> JobStatus:
        with ExitStack() as stack:
            job = await _take_in(
                service,
                request,
                options.settings,
                stack,
                kind=options.format,
                quality=options.quality,
                parts=_parts(options),
            )
            service.keep(job)
            job.place = stack.pop_all()
        response.headers["Location"] = f"/v1/jobs/{job.id}"
        return _status(service, job)

    @app.get(
        "/v1/jobs/{job}", summary="How far a job is", responses=documented(401, 403, 404, 421, 422)
    )
    async def job_status(job: str) -> JobStatus:
        return _status(service, service.job(job))

    @app.get(
        "/v1/jobs/{job}/events",
        summary="A job's progress as it happens",
        description="Server-sent events named `job`; each has the job's status as its data.",
        response_class=StreamingResponse,
        responses={
            200: {
                "description": "Events until the job is finished.",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            **documented(401, 403, 404, 421, 422),
        },
    )
    async def job_events(job: str) -> Response:
        return StreamingResponse(
            _events(service, service.job(job)), media_type="text/event-stream; charset=utf-8"
        )

    @app.get(
        "/v1/jobs/{job}/{part}",
        summary="A picture of a job",
        response_class=FileResponse,
        responses={200: _PICTURE, **documented(401, 403, 404, 409, 410, 421, 422, 500, 503)},
    )
    async def job_part(job: str, part: JobPart) -> Response:
        found = service.job(job)
        if part not in found.made:
            if found.problem is not None:
                raise found.problem
            raise Problem("not-ready", 409, "This picture of the job is not made yet, or never.")

        def sent() -> None:
            if part == "result":
                found.fetched.set()

        return _picture(found, part, sent)

    @app.delete(
        "/v1/jobs/{job}",
        status_code=204,
        summary="Give a job up, or remove its files",
        responses=documented(401, 403, 404, 421, 422),
    )
    async def delete_job(job: str) -> None:
        service.discard(service.job(job))


def _add_facts(app: FastAPI, service: Service) -> None:
    @app.get("/v1/models", summary="The models", responses=documented(401, 403, 421))
    async def models() -> list[ModelDescription]:
        return [
            ModelDescription(purpose=zoo.PURPOSES[card.name], **card.as_dict())
            for card in zoo.cards()
        ]

    @app.get("/healthz", summary="Whether the service lives", responses=documented(421))
    async def healthz() -> Health:
        return Health()

    @app.get(
        "/readyz", summary="Whether the service takes pictures", responses=documented(421, 503)
    )
    async def readyz() -> Health:
        if not service.ready:
            raise Problem("not-ready", 503, "The service is starting or stopping.")
        return Health()

    @app.get(
        "/metrics",
        summary="Counts in Prometheus' format",
        response_class=Response,
        responses={
            200: {
                "description": "The counts.",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            },
            **documented(401, 403, 421),
        },
    )
    async def counts() -> Response:
        return Response(service.metrics.text(), media_type=metrics.CONTENT_TYPE)


def _add_page(app: FastAPI) -> None:
    def page(name: str) -> FileResponse:
        return FileResponse(PAGE / name, headers={"Cache-Control": "no-cache"})

    @app.get("/", include_in_schema=False)
    async def index() -> Response:
        return page("index.html")

    @app.get("/problems", include_in_schema=False)
    async def problems() -> Response:
        return page("problems.html")

    app.mount("/page", StaticFiles(directory=PAGE))


def _add_errors(app: FastAPI, service: Service) -> None:
    @app.exception_handler(Problem)
    async def known(_request: Request, problem: Problem) -> Response:
        service.metrics.refused.labels(problem.kind).inc()
        return problem.response()

    @app.exception_handler(RequestValidationError)
    async def wrong_options(_request: Request, error: RequestValidationError) -> Response:
        details = "; ".join(_in_words(one) for one in error.errors())
        return await known(_request, Problem("options", 422, details))

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> Response:
        match error.status_code:
            case 404:
                problem = Problem("not-found", 404, "Nothing has this address.")
            case 405:
                problem = Problem(
                    "method",
                    405,
                    "This address does not take this method.",
                    headers={"Allow": ", ".join(sorted(_methods(app, request)))},
                )
            case status:
                problem = Problem("bad-request", status, "The request cannot be understood.")
        return await known(request, problem)

    @app.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _error: ClientDisconnect) -> Response:
        return Response(status_code=_CLIENT_LEFT)


def _methods(app: FastAPI, request: Request) -> set[str]:
    """Return the methods that a request's address takes."""
    return {
        method
        for route in app.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }


def _in_words(error: dict[str, Any]) -> str:
    """Return what is wrong with an option, without the words of the request."""
    known = set(JobOptions.model_fields)
    names = [str(part) for part in error["loc"] if part in known]
    if error["type"] == "extra_forbidden":
        return "there is an unknown option; /openapi.json has those that there are"
    return ": ".join([*names, error["msg"]])


def _parts(options: JobOptions) -> list[Part]:
    """Return what to make for a job, in this order."""
    if not options.preview:
        return ["result"]
    draft: list[Part] = [] if options.draft else ["draft"]
    return ["bicubic", *draft, "result", "view"]


async def _take_in(
    service: Service,
    request: Request,
    settings: Settings,
    stack: ExitStack,
    *,
    kind: str | None = None,
    quality: int = 95,
    parts: Sequence[Part] = ("result",),
) -> Job:
    """Receive a picture and queue it; the stack then holds its place and its files."""
    client = client_of(request)
    stack.enter_context(service.place(client))
    with ExitStack() as undo:
        try:
            folder = service.new_folder()
            undo.callback(service.remove, folder)
            source = folder / "source"
            own = await uploads.receive(request, source)
        except OSError as error:
            raise Problem("storage", 503, "The picture could not be kept.") from error
        job = await service.add(
            client, source, settings, FORMATS[kind] if kind else own, quality=quality, parts=parts
        )
        undo.pop_all()
    return job


async def _first(*awaitables: Awaitable[Any]) -> None:
    """Wait for one of several and give the others up."""
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def _events(service: Service, job: Job) -> AsyncIterator[str]:
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
                yield ": still there\n\n"


def _status(service: Service, job: Job) -> JobStatus:
    (height, width), (new_height, new_width) = job.sizes[0], job.settings.enlarged(job.sizes[0])
    return JobStatus(
        id=job.id,
        state=job.state,
        progress=job.progress,
        ahead=service.ahead(job),
        width=width,
        height=height,
        new_width=new_width,
        new_height=new_height,
        pages=len(job.sizes),
        settings=job.settings,
        parts={part: f"/v1/jobs/{job.id}/{part}" for part in job.made},
        seconds=job.seconds,
        expires=job.expires,
        problem=job.problem.details if job.problem else None,
    )


def _describe(app: FastAPI, *, with_token: bool) -> None:
    """Make the OpenAPI document say what FastAPI cannot know."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        document = make()
        components = document.setdefault("components", {})
        components["schemas"]["ProblemDetails"] = ProblemDetails.model_json_schema()
        for name in ("HTTPValidationError", "ValidationError"):
            components["schemas"].pop(name, None)
        if with_token:
            components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            document["security"] = [{"token": []}]
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation has it
