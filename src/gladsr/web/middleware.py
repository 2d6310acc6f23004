"""The middleware around every request: access, limits, and errors as problems."""

import logging
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from gladsr.web.access import BearerToken, check_host, check_origin, needs_token
from gladsr.web.clients import client_of
from gladsr.web.limits import Limits
from gladsr.web.metrics import Metrics
from gladsr.web.problem_kinds import ProblemKind
from gladsr.web.problems import Problem
from gladsr.web.transfer import ClientTooSlowError, LimitedBody, LimitedResponse

logger = logging.getLogger(__name__)


class Guard:
    """ASGI middleware that checks access and enforces the limits.

    Args:
        app: The application.
        limits: The limits of the service.
        token: The token that clients must send, if any. The page itself and the health checks need
            none.
        hosts: The allowed host names; any if None.
        metrics: Where to count requests.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: Limits,
        token: BearerToken | None,
        hosts: Sequence[str] | None,
        metrics: Metrics,
    ) -> None:
        self._app = app
        self._limits = limits
        self._token = token
        self._hosts = hosts
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or reject it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        response = LimitedResponse(send, scope, self._metrics, self._limits.transfer_seconds)
        body = LimitedBody(receive, scope, self._limits)
        try:
            try:
                await self._check(scope, Headers(scope=scope))
                await self._app(scope, body.receive, response.send)
            except Problem as problem:
                if not response.started:
                    self._metrics.rejected.labels(problem.kind.slug).inc()
                    await problem.response()(scope, receive, response.send)
        except ClientTooSlowError:
            return  # the server then closes the connection
        except Exception:
            logger.exception("a request failed")
            if not response.started:
                failure = Problem(ProblemKind.INTERNAL, "The service's log has the reason.")
                await failure.response()(scope, receive, response.send)

    async def _check(self, scope: Scope, headers: Headers) -> None:
        if "content-length" in headers and "transfer-encoding" in headers:
            # A proxy may take the other of the two for the end of the body.
            raise Problem(
                ProblemKind.BAD_REQUEST,
                "A request has a Content-Length or a Transfer-Encoding, not both.",
                headers={"Connection": "close"},
            )
        check_host(headers, self._hosts)
        if not needs_token(scope["path"]):
            return
        check_origin(headers)
        if self._token is not None:
            address = scope["client"][0] if scope["client"] else ""
            await self._token.check(client_of(address), headers)
