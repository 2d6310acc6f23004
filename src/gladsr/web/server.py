"""The server: uvicorn, with an end that finishes what runs."""

import asyncio
import contextlib
import logging
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from gladsr.web.app import create_app
from gladsr.web.guard import LOOPBACK
from gladsr.web.limits import Limits
from gladsr.web.protocol import limited
from gladsr.web.service import Service
from gladsr.web.tasks import Machine

logger = logging.getLogger(__name__)

HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)
"""What a closed terminal sends; Windows has it not."""


class _Server(uvicorn.Server):
    """Ends in two steps: at the first signal it finishes what runs, at the second it ends.

    A closed terminal (SIGHUP) counts as both: nobody is there any more to send another.
    """

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self._announced = False
        self._draining: asyncio.Task[None] | None = None
        self.interrupted = False

    async def on_tick(self, counter: int) -> bool:
        if self._draining is None:
            if self._service.failure is not None:
                self._draining = self._loop.create_task(self._finish())
            elif self._service.ready and not self._announced:
                self._announce()
        return await super().on_tick(counter)

    def _announce(self) -> None:
        self._announced = True
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        name = f"[{host}]" if ":" in host else host
        logger.info("the page is at http://%s:%d/ until Ctrl-C", name, port)

    async def shutdown(self, sockets: Any = None) -> None:
        await super().shutdown(sockets)
        if self.force_exit:  # then uvicorn leaves the service's processes to be cancelled
            await self.lifespan.shutdown()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        self._loop = asyncio.get_running_loop()
        with super().capture_signals():
            # nohup has it ignored, and so it stays
            if HANGUP is not None and signal.getsignal(HANGUP) is signal.SIG_DFL:
                signal.signal(HANGUP, self.handle_exit)
            yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's
        self.interrupted = sig == signal.SIGINT
        if self._draining is None and sig != HANGUP:
            self._loop.call_soon_threadsafe(self._drain)
        else:
            self._loop.call_soon_threadsafe(self._end_at_once)

    def _drain(self) -> None:
        if self._draining is None:
            logger.info("finishing the picture that is being computed; again to end at once")
            self._draining = self._loop.create_task(self._finish())

    def _end_at_once(self) -> None:
        self.should_exit = self.force_exit = True
        for connection in list(self.server_state.connections):
            connection.transport.abort()  # so that nothing waits for its answer

    async def _finish(self) -> None:
        try:
            await self._service.drain()
        finally:
            self.should_exit = True


def run(
    *,
    limits: Limits,
    machine: Machine,
    host: str,
    port: int,
    token: str | None,
    allowed_hosts: list[str],
    trusted_proxy: str | None,
    access_log: bool,
) -> bool:
    """Serve until a signal ends it; pictures are kept in a private folder that goes with it.

    Args:
        limits: The most that the service takes on.
        machine: What runs the network.
        host: The address to listen on.
        port: The port; 0 for any that is free.
        token: What requests must bear, if anything.
        allowed_hosts: The names by which the service may be called, beside those of the loopback.
            If there are none, and it listens to other machines or has a token, any will do.
        trusted_proxy: The address of a proxy whose word on who asks is taken.
        access_log: Log every request.

    Returns:
        Whether Ctrl-C ended it.

    Raises:
        EngineError: The engine, precision or device cannot be had.
        OSError: The address and port cannot be listened on.
    """
    is_loopback = host in {"localhost", "127.0.0.1", "::1"}
    guarded = bool(allowed_hosts) or (is_loopback and token is None)
    hosts = [*LOOPBACK, *(name.lower() for name in allowed_hosts)] if guarded else None
    with tempfile.TemporaryDirectory(prefix="gladsr-serve-") as folder:
        service = Service(limits, machine, Path(folder))
        config = uvicorn.Config(
            create_app(service, token=token, hosts=hosts),
            host=host,
            port=port,
            http=limited(limits),
            ws="none",
            log_config=None,
            access_log=access_log,
            server_header=False,
            proxy_headers=trusted_proxy is not None,
            forwarded_allow_ips=trusted_proxy or "",
            timeout_graceful_shutdown=int(limits.transfer_seconds),
        )
        server = _Server(config, service)
        try:
            server.run()
        except SystemExit as error:  # uvicorn has logged why
            raise OSError(
                f"cannot listen on {host}, port {port}; choose another with --host or --port"
            ) from error
    if service.failure is not None:
        raise service.failure
    return server.interrupted
