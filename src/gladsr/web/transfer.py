"""Requests and responses within the limits of size, time and rate."""

import asyncio

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from gladsr.web.limits import Limits
from gladsr.web.metrics import Metrics
from gladsr.web.problem_kinds import ProblemKind
from gladsr.web.problems import Problem

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_SECURITY_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class ClientTooSlowError(Exception):
    """The client takes too long to receive the response."""


class LimitedBody:
    """The body of a request, which must arrive within its limits.

    Args:
        receive: ASGI's.
        scope: ASGI's.
        limits: The limits of the service.
    """

    def __init__(self, receive: Receive, scope: Scope, limits: Limits) -> None:
        self._receive = receive
        self._declared = Headers(scope=scope).get("content-length", "0")
        self._received = 0
        self._limits = limits
        self._start: float | None = None
        self._complete = False

    async def receive(self) -> Message:
        """Return the next part.

        Raises:
            Problem: The body is too large or too slow.
        """
        if self._complete:
            return await self._receive()
        limits = self._limits
        if self._start is None:
            self._start = asyncio.get_running_loop().time()
            if self._declared.isdigit() and int(self._declared) > limits.upload_bytes:
                raise self._too_large()
        allowed = limits.upload_grace_seconds + self._received / limits.upload_rate
        try:
            async with asyncio.timeout_at(self._start + min(limits.transfer_seconds, allowed)):
                message = await self._receive()
        except TimeoutError as error:
            raise Problem(
                ProblemKind.TOO_SLOW,
                f"It must arrive within {limits.transfer_seconds:g} s, and at "
                f"{limits.upload_rate} bytes a second or more.",
                headers={"Connection": "close"},
            ) from error
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            if self._received > limits.upload_bytes:
                raise self._too_large()
            self._complete = not message.get("more_body", False)
        return message

    def _too_large(self) -> Problem:
        limit = self._limits.upload_bytes / 2**20
        return Problem(ProblemKind.TOO_LARGE, f"The request has more than {limit:g} MiB.")


class LimitedResponse:
    """A response with the headers that all have, which must be received in time.

    Args:
        send: ASGI's.
        scope: ASGI's.
        metrics: Where to count it.
        seconds: The time for it. A stream of events has no limit.

    Attributes:
        started: Whether its status has been sent.
    """

    def __init__(self, send: Send, scope: Scope, metrics: Metrics, seconds: float) -> None:
        self._send = send
        self._scope = scope
        self._metrics = metrics
        self._seconds = seconds
        self._deadline: float | None = None
        self.started = False

    async def send(self, message: Message) -> None:
        """Send a part.

        Raises:
            ClientTooSlowError: The time is over.
        """
        if message["type"] == "http.response.start":
            self._start(message)
        try:
            async with asyncio.timeout_at(self._deadline):
                await self._send(message)
        except TimeoutError as error:
            raise ClientTooSlowError from error

    def _start(self, message: Message) -> None:
        self.started = True
        headers = MutableHeaders(scope=message)
        for name, value in _SECURITY_HEADERS.items():
            headers.setdefault(name, value)
        if self._scope["path"].startswith("/v1/"):
            headers.setdefault("Cache-Control", "no-store")
        elif self._scope["path"].startswith("/page/"):
            headers.setdefault("Cache-Control", "no-cache")
        if not headers.get("content-type", "").startswith("text/event-stream"):
            self._deadline = asyncio.get_running_loop().time() + self._seconds
        method = self._scope["method"]
        known = method if method in {"GET", "HEAD", "POST", "DELETE"} else "other"
        self._metrics.requests.labels(known, str(message["status"])).inc()
