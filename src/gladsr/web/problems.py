"""Errors as HTTP responses: problem details (RFC 9457)."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from gladsr.web.problem_kinds import ProblemKind

MEDIA_TYPE = "application/problem+json"


class ProblemDetails(BaseModel):
    """The body of an error response (RFC 9457)."""

    type: str = Field(description="The address of a page that explains this kind of problem.")
    title: str = Field(description="The kind of problem in one line.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong with this request, and what to do about it.")


class Problem(Exception):  # noqa: N818 - the term of RFC 9457
    """A request cannot be served.

    Args:
        kind: The kind of problem.
        detail: What is wrong and what to do about it. It never quotes the request.
        status: The HTTP status, where it is not the kind's.
        headers: Additional response headers.
    """

    def __init__(
        self,
        kind: ProblemKind,
        detail: str,
        *,
        status: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.status = HTTPStatus(status or kind.status)
        self.detail = detail
        self.headers = headers or {}

    @property
    def details(self) -> ProblemDetails:
        """The body of the response."""
        return ProblemDetails(
            type=f"/problems#{self.kind.slug}",
            title=self.kind.title,
            status=self.status,
            detail=self.detail,
        )

    def response(self) -> JSONResponse:
        """Return the response."""
        return JSONResponse(
            self.details.model_dump(), self.status, headers=self.headers, media_type=MEDIA_TYPE
        )


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI descriptions of error responses with these statuses."""
    schema = {"$ref": "#/components/schemas/ProblemDetails"}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in statuses
    }
