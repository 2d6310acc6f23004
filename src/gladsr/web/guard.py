"""What stands before every request: who may ask, how much may come in, what every answer says."""

import asyncio
import logging
import secrets
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gladsr.web.limits import Limits
from gladsr.web.metrics import Metrics
from gladsr.web.problems import Problem

logger = logging.getLogger(__name__)

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")

_GRACE_SECONDS = 20
_SLOWEST = 1024  # bytes a second, beyond the grace
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """ASGI middleware that keeps to the limits and says who may come in.

    Args:
        app: What it guards.
        limits: Of bytes and time.
        token: What requests must bear, if anything; the page itself and the checks of health need
            none.
        hosts: The names by which the service may be called, if not by any. Without a token, a
            page of another site could else give its own name to this machine's address, and would
            then be let in.
        metrics: Where to count.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: Limits,
        token: str | None,
        hosts: Sequence[str] | None,
        metrics: Metrics,
    ) -> None:
        self._app = app
        self._limits = limits
        self._token = token
        self._hosts = hosts
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, scope, self._metrics, self._limits.transfer_seconds)
        body = _Body(receive, scope, self._limits)
        try:
            try:
                self._check(scope, Headers(scope=scope))
                await self._app(scope, body.receive, answer.send)
            except Problem as problem:
                if not answer.started:
                    await problem.response()(scope, receive, answer.send)
        except _TooSlowError:
            return  # the server then closes the connection
        except Exception:
            logger.exception("a request failed")
            if not answer.started:
                failure = Problem("internal", 500, "The service's log says why.")
                await failure.response()(scope, receive, answer.send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        host = headers.get("host", "")
        if "content-length" in headers and "transfer-encoding" in headers:
            # A proxy may take another of the two for the body's end than we do.
            raise Problem(
                "bad-request",
                400,
                "A request has a Content-Length or a Transfer-Encoding, not both.",
                headers={"Connection": "close"},
            )
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if self._hosts is not None and name.lower() not in self._hosts:
            raise Problem(
                "wrong-host",
                421,
                "The service is not told to go by the name in the request's Host header. "
                "--allow-host tells it.",
            )
        if not scope["path"].startswith("/v1/") and scope["path"] != "/metrics":
            return
        site, origin = headers.get("sec-fetch-site", "none"), headers.get("origin")
        foreign = site not in {"none", "same-origin"}
        if foreign or (origin is not None and origin.partition("://")[2] != host):
            raise Problem("foreign-page", 403, "Of all pages, only the service's own may ask.")
        if self._token is not None and not self._bears_token(headers):
            raise Problem(
                "token-needed",
                401,
                "Send the service's token in the header `Authorization: Bearer TOKEN`.",
                headers={"WWW-Authenticate": "Bearer"},
            )

    def _bears_token(self, headers: Headers) -> bool:
        assert self._token is not None  # noqa: S101 - only asked where there is one
        scheme, _, token = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and secrets.compare_digest(
            token.strip().encode("latin-1"),  # the bytes of the header, as they came
            self._token.encode(),
        )


class _TooSlowError(Exception):
    """The client takes too long to take the answer."""


class _Body:
    """A request's body, within its limits."""

    def __init__(self, receive: Receive, scope: Scope, limits: Limits) -> None:
        self._receive = receive
        self._announced = Headers(scope=scope).get("content-length", "0")
        self._received = 0
        self._limits = limits
        self._start: float | None = None
        self._whole = False

    async def receive(self) -> Message:
        """Return the next part."""
        if self._whole:
            return await self._receive()
        loop = asyncio.get_running_loop()
        if self._start is None:
            self._start = loop.time()
            if self._announced.isdigit() and int(self._announced) > self._limits.upload_bytes:
                raise self._too_large()
        whole = self._limits.transfer_seconds
        enough = _GRACE_SECONDS + self._received / _SLOWEST
        try:
            async with asyncio.timeout_at(self._start + min(whole, enough)):
                message = await self._receive()
        except TimeoutError as error:
            detail = f"It must arrive within {whole:g} s, and at {_SLOWEST} bytes a second or more."
            raise Problem("too-slow", 408, detail, headers={"Connection": "close"}) from error
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            if self._received > self._limits.upload_bytes:
                raise self._too_large()
            self._whole = not message.get("more_body", False)
        return message

    def _too_large(self) -> Problem:
        limit = self._limits.upload_bytes / 2**20
        return Problem("too-large", 413, f"The request has more than {limit:g} MiB.")


class _Answer:
    """What goes out: headers that all answers bear, within the time that there is."""

    def __init__(self, send: Send, scope: Scope, metrics: Metrics, seconds: float) -> None:
        self._send = send
        self._scope = scope
        self._metrics = metrics
        self._seconds = seconds
        self._deadline: float | None = None
        self.started = False

    async def send(self, message: Message) -> None:
        """Send a part."""
        if message["type"] == "http.response.start":
            self._start(message)
        try:
            async with asyncio.timeout_at(self._deadline):
                await self._send(message)
        except TimeoutError as error:
            raise _TooSlowError from error

    def _start(self, message: Message) -> None:
        self.started = True
        headers = MutableHeaders(scope=message)
        for name, value in _HEADERS.items():
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
