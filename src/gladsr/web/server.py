"""The server: uvicorn, with a shutdown that finishes the running job."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

import uvicorn

from gladsr.web.access import LOOPBACK_HOSTS
from gladsr.web.app import create_app
from gladsr.web.clients import is_loopback
from gladsr.web.connections import limited_protocol
from gladsr.web.limits import Limits
from gladsr.web.service import Service
from gladsr.web.settings import EngineSettings
from gladsr.web.temporary_folder import private_folder

logger = logging.getLogger(__name__)

HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)
"""What a closed terminal sends; not available on Windows."""


class _Server(uvicorn.Server):
    """Stops in two steps: the first signal finishes the running job, the second ends at once.

    A closed terminal (SIGHUP) counts as both, since nobody can send another.
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
        if self.force_exit:  # then uvicorn does not shut the lifespan down
            await self.lifespan.shutdown()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        self._loop = asyncio.get_running_loop()
        with super().capture_signals():
            # nohup ignores it, and so does the service then
            if HANGUP is not None and signal.getsignal(HANGUP) is signal.SIG_DFL:
                signal.signal(HANGUP, self.handle_exit)
            yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's
        self.interrupted = sig == signal.SIGINT
        if self._draining is None and sig != HANGUP:
            self._loop.call_soon_threadsafe(self._drain)
        else:
            self._loop.call_soon_threadsafe(self._stop_at_once)

    def _drain(self) -> None:
        if self._draining is None:
            logger.info("finishing the running job; send the signal again to stop at once")
            self._draining = self._loop.create_task(self._finish())

    def _stop_at_once(self) -> None:
        self.should_exit = self.force_exit = True
        for connection in list(self.server_state.connections):
            connection.transport.abort()  # so that nothing waits for its response

    async def _finish(self) -> None:
        try:
            await self._service.drain()
        finally:
            self.should_exit = True


def run(
    *,
    limits: Limits,
    engine: EngineSettings,
    host: str,
    port: int,
    token: str | None,
    allowed_hosts: list[str],
    trusted_proxy: str | None,
    access_log: bool,
) -> bool:
    """Serve until a signal ends it.

    Args:
        limits: The limits of the service.
        engine: What runs the network.
        host: The address to listen on.
        port: The port; 0 for any that is free.
        token: The token that clients must send, if any.
        allowed_hosts: The allowed host names, in addition to ``host`` and those of the loopback. If
            there are none, and the service listens to other machines or has a token, any name is
            allowed.
        trusted_proxy: The address of a proxy whose ``X-Forwarded-For`` is trusted.
        access_log: Log every request.

    Returns:
        Whether Ctrl-C ended it.

    Raises:
        EngineError: The engine, precision or device is not available.
        OSError: The address and port are not available.
    """
    guarded = bool(allowed_hosts) or (is_loopback(host) and token is None)
    own = f"[{host}]" if ":" in host else host
    names = [*LOOPBACK_HOSTS, own.lower(), *(name.lower() for name in allowed_hosts)]
    hosts = names if guarded else None
    with private_folder() as folder:
        service = Service(limits, engine, folder)
        config = uvicorn.Config(
            create_app(service, token=token, hosts=hosts),
            host=host,
            port=port,
            http=limited_protocol(limits, trusted_proxy),
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
        except SystemExit as error:  # uvicorn has logged the reason
            raise OSError(
                f"cannot listen on {host}, port {port}; choose another with --host or --port"
            ) from error
    if service.failure is not None:
        raise service.failure
    return server.interrupted
