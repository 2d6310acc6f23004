"""Connections: uvicorn's HTTP protocol with the limits that it lacks."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from gladsr.web.clients import client_of
from gladsr.web.limits import Limits

if TYPE_CHECKING:
    import asyncio


class _LimitedProtocol(H11Protocol):
    """A connection that must send its requests and receive its responses in time."""

    limits: Limits
    trusted_proxy: str | None
    of_clients: Counter[str]  # open connections

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._client = client_of(self.client[0]) if self.client else ""
        self.of_clients[self._client] += 1
        if self._is_one_too_many():
            transport.abort()
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_head()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._abort_after(self.limits.transfer_seconds, "response")

    def resume_writing(self) -> None:
        super().resume_writing()
        self._in_time("response")

    def connection_lost(self, exc: Exception | None) -> None:
        for name in list(self._timers):
            self._in_time(name)
        self.of_clients[self._client] -= 1
        if not self.of_clients[self._client]:
            del self.of_clients[self._client]
        super().connection_lost(exc)

    def _is_one_too_many(self) -> bool:
        if len(self.connections) > self.limits.connections:
            return True
        if self.trusted_proxy is not None and self._client == client_of(self.trusted_proxy):
            return False  # it carries the requests of many clients
        return self.of_clients[self._client] > self.limits.connections_per_client

    def _watch_head(self) -> None:
        """While no request is being answered, allow some time for the next one's head."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._in_time("head")
        elif "head" not in self._timers:
            self._abort_after(self.limits.head_seconds, "head")

    def _abort_after(self, seconds: float, name: str) -> None:
        self._timers[name] = self.loop.call_later(seconds, self.transport.abort)

    def _in_time(self, name: str) -> None:
        if name in self._timers:
            self._timers.pop(name).cancel()


def limited_protocol(limits: Limits, trusted_proxy: str | None) -> type[H11Protocol]:
    """Return the protocol with these limits.

    Args:
        limits: The limits of the service.
        trusted_proxy: The address of a proxy that may open as many connections as all clients.
    """

    class Protocol(_LimitedProtocol):
        pass

    Protocol.limits, Protocol.trusted_proxy, Protocol.of_clients = limits, trusted_proxy, Counter()
    return Protocol
