"""The server: uvicorn, with an end that finishes what runs."""

import asyncio
import logging
import signal
import tempfile
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


class _Server(uvicorn.Server):
    """Ends in two steps: at the first signal it finishes what runs, at the second it ends."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self._draining: asyncio.Task[None] | None = None
        self.interrupted = False

    async def startup(self, sockets: Any = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        name = f"[{host}]" if ":" in host else host
        logger.info("the page is at http://%s:%d/ until Ctrl-C", name, port)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's
        self.interrupted = sig == signal.SIGINT
        if self._draining is None:
            self._loop.call_soon_threadsafe(self._drain)
        else:
            self.should_exit = self.force_exit = True

    def _drain(self) -> None:
        if self._draining is None:
            logger.info("finishing the picture that is being computed; again to end at once")
            self._draining = self._loop.create_task(self._finish())

    async def _finish(self) -> None:
        await self._service.drain()
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
        server.run()
    return server.interrupted
