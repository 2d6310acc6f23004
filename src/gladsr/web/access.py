"""Who may use the service: hosts, origins and the bearer token."""

import asyncio
import math
import re
import secrets
from collections.abc import Sequence
from time import monotonic

from starlette.datastructures import Headers

from gladsr.web.problem_kinds import ProblemKind
from gladsr.web.problems import Problem

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(:[0-9]{1,5})?")


def needs_token(path: str) -> bool:
    """Return whether an address is part of the interface that the token protects.

    Example:
        >>> [needs_token(path) for path in ("/v1/models", "/metrics", "/healthz", "/")]
        [True, True, False, False]
    """
    return path.startswith("/v1/") or path == "/metrics"


def check_host(headers: Headers, allowed: Sequence[str] | None) -> None:
    """Reject a request for another host name than the allowed ones.

    Without a token, a page of another site could otherwise point its own name to this machine's
    address (DNS rebinding) and use the service.

    Args:
        headers: The headers of the request.
        allowed: The allowed host names in lower case; any if None.

    Raises:
        Problem: The name is not allowed, or no name at all.
    """
    host = headers.get("host", "")
    match = _HOST.fullmatch(host)
    if host and match is None:
        raise Problem(ProblemKind.BAD_REQUEST, "The Host header is not a name and a port.")
    name = match["name"].lower() if match else ""
    if allowed is not None and name not in allowed:
        raise Problem(
            ProblemKind.WRONG_HOST,
            "The name in the Host header is not allowed. Whoever runs the service can allow it "
            "with --allow-host.",
        )


def check_origin(headers: Headers) -> None:
    """Reject a request that a page of another site has made.

    Raises:
        Problem: One has.
    """
    site, origin = headers.get("sec-fetch-site", "none"), headers.get("origin")
    is_foreign = site not in {"none", "same-origin"}
    if is_foreign or (origin is not None and origin.partition("://")[2] != headers.get("host", "")):
        raise Problem(
            ProblemKind.FOREIGN_PAGE, "Only the service's own page may send requests to it."
        )


class BearerToken:
    """The token that clients must send; guessing it is slowed down.

    After some wrong tokens, every further request of that client waits before its token is
    compared. So the wait tells nothing about the token, and other clients do not notice it.

    Args:
        token: The token.
        free_attempts: Wrong tokens of a client without a wait.
        seconds: The wait after the next wrong token; it grows with each.
        longest: The longest wait in seconds.
        forgive_seconds: The time after which one wrong token is forgotten.
    """

    def __init__(
        self,
        token: str,
        *,
        free_attempts: int = 5,
        seconds: float = 0.5,
        longest: float = 10,
        forgive_seconds: float = 30,
    ) -> None:
        self._token = token.encode()
        self._free_attempts = free_attempts
        self._seconds = seconds
        self._longest = longest
        self._forgive_seconds = forgive_seconds
        self._failures: dict[str, tuple[float, float]] = {}  # how many, and when the last was

    async def check(self, client: str, headers: Headers) -> None:
        """Reject a request without the token.

        Raises:
            Problem: The token is missing or wrong.
        """
        scheme, _, sent = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            await asyncio.sleep(self._wait(client))
            # latin-1 restores the bytes of the header
            if secrets.compare_digest(sent.strip().encode("latin-1"), self._token):
                return
            self._failures[client] = (self._count(client) + 1, monotonic())
        raise Problem(
            ProblemKind.TOKEN_NEEDED,
            "Send the service's token in the header `Authorization: Bearer TOKEN`.",
            headers={"WWW-Authenticate": "Bearer"},
        )

    def _wait(self, client: str) -> float:
        beyond = math.ceil(self._count(client)) - self._free_attempts
        return min(max(beyond, 0) * self._seconds, self._longest)

    def _count(self, client: str) -> float:
        """Return a client's recent wrong tokens, and forget clients that have none."""
        now = monotonic()
        self._failures = {
            name: (count, last)
            for name, (count, last) in self._failures.items()
            if count > (now - last) / self._forgive_seconds
        }
        count, last = self._failures.get(client, (0, now))
        return count - (now - last) / self._forgive_seconds
