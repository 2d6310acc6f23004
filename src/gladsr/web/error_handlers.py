"""Every error of a request as a problem."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route

from gladsr.web.metrics import Metrics
from gladsr.web.problem_kinds import ProblemKind
from gladsr.web.problems import Problem
from gladsr.web.schemas import JobOptions

_CLIENT_LEFT = 499  # nobody reads it


def add_error_handlers(app: FastAPI, metrics: Metrics, routes: Sequence[BaseRoute]) -> None:
    """Answer errors with problem details.

    Args:
        app: The application.
        metrics: Where to count them.
        routes: The routes of the application.
    """

    @app.exception_handler(Problem)
    async def known(_request: Request, problem: Problem) -> Response:
        metrics.rejected.labels(problem.kind.slug).inc()
        return problem.response()

    @app.exception_handler(RequestValidationError)
    async def invalid_options(request: Request, error: RequestValidationError) -> Response:
        details = "; ".join(map(_describe, error.errors()))
        return await known(request, Problem(ProblemKind.OPTIONS, details))

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> Response:
        match error.status_code:
            case 404:
                problem = Problem(ProblemKind.NOT_FOUND, "There is nothing at this address.")
            case 405:
                problem = Problem(
                    ProblemKind.METHOD,
                    "This address does not support the request's method.",
                    headers={"Allow": ", ".join(sorted(_methods(routes, request)))},
                )
            case status:
                problem = Problem(
                    ProblemKind.BAD_REQUEST, "The request is malformed.", status=status
                )
        return await known(request, problem)

    @app.exception_handler(ClientDisconnect)
    async def client_left(_request: Request, _error: ClientDisconnect) -> Response:
        return Response(status_code=_CLIENT_LEFT)


def _methods(routes: Sequence[BaseRoute], request: Request) -> set[str]:
    """Return the methods that the address of a request supports."""
    return {
        method
        for route in routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }


def _describe(error: dict[str, Any]) -> str:
    """Return what is wrong with an option, without quoting the request."""
    known = set(JobOptions.model_fields)
    names = [str(part) for part in error["loc"] if part in known]
    if error["type"] == "extra_forbidden":
        return "there is an unknown option; /openapi.json lists all options"
    return ": ".join([*names, error["msg"]])
