"""Errors as the service answers them: problem details (RFC 9457)."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"

TITLES = {
    "bad-request": "The request cannot be understood",
    "token-needed": "The token is missing or wrong",
    "foreign-page": "The request comes from another site's page",
    "not-found": "There is nothing here",
    "method": "This cannot be done here",
    "too-slow": "The picture took too long to arrive",
    "not-ready": "It is not ready",
    "too-large": "The picture is too large",
    "format": "This is no picture that can be read",
    "wrong-host": "The service does not go by this name",
    "options": "The options are wrong",
    "picture": "The picture cannot be upscaled",
    "your-queue-full": "You have too many pictures waiting",
    "queue-full": "The service is busy",
    "stopping": "The service is stopping",
    "time-limit": "The picture took too long to compute",
    "cancelled": "The picture was cancelled",
    "storage": "The service has no room left",
    "internal": "The service failed",
}
"""Every kind of problem; the page `/problems` explains them under the same names."""


class ProblemDetails(BaseModel):
    """An error as it is answered (RFC 9457)."""

    type: str = Field(description="The kind of problem; a page of this service explains it.")
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong this time and what to do about it.")


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it a problem
    """A request cannot be served.

    Args:
        kind: One of `TITLES`.
        status: The HTTP status.
        detail: What is wrong and what to do about it; nothing of the request's own words.
        headers: Headers to answer with.
    """

    def __init__(
        self, kind: str, status: int, detail: str, *, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.status = HTTPStatus(status)
        self.detail = detail
        self.headers = headers or {}

    @property
    def details(self) -> ProblemDetails:
        """The body of the answer."""
        return ProblemDetails(
            type=f"/problems#{self.kind}",
            title=TITLES[self.kind],
            status=self.status,
            detail=self.detail,
        )

    def response(self) -> JSONResponse:
        """Return the answer."""
        return JSONResponse(
            self.details.model_dump(), self.status, headers=self.headers, media_type=MEDIA_TYPE
        )


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of answers with these statuses."""
    schema = {"$ref": "#/components/schemas/ProblemDetails"}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in statuses
    }
