"""The ASGI application: the routes, the middleware and the OpenAPI document."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

import gladsr
from gladsr.web.access import BearerToken, needs_token
from gladsr.web.error_handlers import add_error_handlers
from gladsr.web.middleware import Guard
from gladsr.web.problems import ProblemDetails
from gladsr.web.routes import jobs, models, monitoring, page, pictures
from gladsr.web.service import Service


class _App(FastAPI):
    """FastAPI with what its OpenAPI document cannot know: problems and the token."""

    with_token = False

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document = super().openapi()
            components = document["components"]
            components["schemas"]["ProblemDetails"] = ProblemDetails.model_json_schema()
            for name in ("HTTPValidationError", "ValidationError"):
                components["schemas"].pop(name, None)
            if self.with_token:
                components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
                for path, operations in document["paths"].items():
                    for operation in operations.values() if needs_token(path) else ():
                        operation["security"] = [{"token": []}]
        return self.openapi_schema or {}


def create_app(
    service: Service, *, token: str | None = None, hosts: Sequence[str] | None = None
) -> FastAPI:
    """Return the page and the service as an ASGI application.

    Args:
        service: The service.
        token: The token that clients must send, if any.
        hosts: The allowed host names; any if None.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with service.open():
            yield

    app = _App(
        title="gladsr",
        version=gladsr.__version__,
        summary="Single-image super-resolution.",
        docs_url=None,  # they would load scripts from another host
        redoc_url=None,
        lifespan=lifespan,
    )
    app.with_token = token is not None
    app.state.service = service
    app.add_middleware(
        Guard,
        limits=service.limits,
        token=None if token is None else BearerToken(token),
        hosts=hosts,
        metrics=service.metrics,
    )
    routers = [module.router for module in (pictures, jobs, models, monitoring, page)]
    for router in routers:
        app.include_router(router)
    routes = [route for router in routers for route in router.routes]
    add_error_handlers(app, service.metrics, routes)
    app.mount("/page", StaticFiles(directory=page.PAGE))
    return app
