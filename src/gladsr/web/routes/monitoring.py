"""Health checks and metrics."""

from fastapi import APIRouter
from starlette.responses import Response

from gladsr.web import metrics
from gladsr.web.problem_kinds import ProblemKind
from gladsr.web.problems import Problem, documented
from gladsr.web.routes.shared import ServiceParameter
from gladsr.web.schemas import Health

router = APIRouter()


@router.get("/healthz", summary="Whether the service is up", responses=documented(421))
async def healthz() -> Health:
    """Answer."""
    return Health()


@router.get(
    "/readyz", summary="Whether the service accepts pictures", responses=documented(421, 503)
)
async def readyz(service: ServiceParameter) -> Health:
    """Answer with 200 if pictures are accepted."""
    if not service.ready:
        raise Problem(ProblemKind.NOT_READY, "The service is starting or shutting down.")
    return Health()


@router.get(
    "/metrics",
    summary="Metrics in Prometheus' text format",
    response_class=Response,
    responses={
        200: {
            "description": "The metrics.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        **documented(401, 403, 421),
    },
)
async def counts(service: ServiceParameter) -> Response:
    """Return all metrics."""
    return Response(service.metrics.text(), media_type=metrics.CONTENT_TYPE)
