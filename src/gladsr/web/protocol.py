"""uvicorn's HTTP protocol with the limits that it lacks."""

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from gladsr.web.limits import Limits

if TYPE_CHECKING:
    import asyncio


class _LimitedProtocol(H11Protocol):
    """A connection that must bring its requests and take its answers in time."""

    limits: Limits

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._timers: dict[str, asyncio.TimerHandle] = {}
        if len(self.connections) > self.limits.connections:
            transport.abort()
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_head()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._end_after(self.limits.transfer_seconds, "answer")

    def resume_writing(self) -> None:
        super().resume_writing()
        self._in_time("answer")

    def connection_lost(self, exc: Exception | None) -> None:
        for name in list(self._timers):
            self._in_time(name)
        super().connection_lost(exc)

    def _watch_head(self) -> None:
        """Give a connection without a request some time for the whole of one's head."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._in_time("head")
        elif "head" not in self._timers:
            self._end_after(self.limits.head_seconds, "head")

    def _end_after(self, seconds: float, name: str) -> None:
        self._timers[name] = self.loop.call_later(seconds, self.transport.abort)

    def _in_time(self, name: str) -> None:
        if name in self._timers:
            self._timers.pop(name).cancel()


def limited(limits: Limits) -> type[H11Protocol]:
    """Return the protocol with these limits."""
    return type("Protocol", (_LimitedProtocol,), {"limits": limits})
