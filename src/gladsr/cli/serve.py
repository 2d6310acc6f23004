"""`gladsr serve`: the web page and the HTTP service."""

import logging
from typing import Annotated

import typer

from gladsr.cli import options
from gladsr.cli.console import ConsoleHandler, show_information


def serve(
    *,
    host: Annotated[
        str, typer.Option(help="The address to listen on.", rich_help_panel="Access")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port.", rich_help_panel="Access")
    ] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="GLADSR_TOKEN",
            help="Bearer token that clients must send. Prefer the environment variable: other "
            "users of the machine can see the command line.",
            rich_help_panel="Access",
        ),
    ] = None,
    no_token: Annotated[
        bool,
        typer.Option(
            "--no-token",
            help="Allow --host beyond this machine without a token: whoever reaches the address "
            "can use the service.",
            rich_help_panel="Access",
        ),
    ] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            help="An allowed host name. May be repeated.",
            rich_help_panel="Access",
        ),
    ] = None,
    trusted_proxy: Annotated[
        str | None,
        typer.Option(
            help="The address of a proxy whose X-Forwarded-For header is trusted.",
            rich_help_panel="Access",
        ),
    ] = None,
    access_log: Annotated[
        bool,
        typer.Option("--access-log", help="Log every request.", rich_help_panel="Access"),
    ] = False,
    max_upload: Annotated[
        float,
        typer.Option(min=0.001, help="Size of an upload in MiB.", rich_help_panel="Limits"),
    ] = 64,
    max_pixels: Annotated[
        float,
        typer.Option(
            min=0.0001,
            help="Megapixels of an upscaled picture, all its pages or frames together.",
            rich_help_panel="Limits",
        ),
    ] = 100,
    max_frames: Annotated[
        int, typer.Option(min=1, help="Frames of an animation.", rich_help_panel="Limits")
    ] = 1000,
    max_seconds: Annotated[
        float,
        typer.Option(min=0.1, help="Seconds to compute a picture.", rich_help_panel="Limits"),
    ] = 600,
    transfer_seconds: Annotated[
        float,
        typer.Option(
            min=0.1,
            help="Seconds for an upload, and for a download.",
            rich_help_panel="Limits",
        ),
    ] = 300,
    queue: Annotated[
        int, typer.Option(min=1, help="Pictures in the queue.", rich_help_panel="Limits")
    ] = 64,
    queue_per_client: Annotated[
        int,
        typer.Option(min=1, help="Pictures of one client in the queue.", rich_help_panel="Limits"),
    ] = 16,
    keep_seconds: Annotated[
        float,
        typer.Option(
            min=1, help="Seconds to keep the files of a finished job.", rich_help_panel="Limits"
        ),
    ] = 600,
    max_stored: Annotated[
        float,
        typer.Option(
            min=1, help="Size of the files of all finished jobs in MiB.", rich_help_panel="Limits"
        ),
    ] = 2048,
    engine: options.Engine = "auto",
    precision: options.ComputePrecision = "auto",
    device: options.Device = None,
    threads: options.Threads = None,
) -> None:
    """Serve a web page and an HTTP interface for upscaling.

    The page loads nothing from other hosts and sends nothing to them. Pictures are kept in a
    private temporary folder, results for some minutes. Ctrl-C finishes the running job.

    gladsr serve

    curl --fail -F image=@photo.jpg "http://127.0.0.1:8000/v1/upscale?scale=2" -o large.jpg

    GLADSR_TOKEN=… gladsr serve --host 0.0.0.0
    """
    # They need the extra gladsr[web].
    from gladsr.web.clients import is_loopback  # noqa: PLC0415
    from gladsr.web.limits import Limits  # noqa: PLC0415
    from gladsr.web.server import run  # noqa: PLC0415
    from gladsr.web.settings import EngineSettings  # noqa: PLC0415

    show_information()
    logging.getLogger("uvicorn").addHandler(ConsoleHandler())
    if access_log:
        logging.getLogger("uvicorn.access").setLevel(logging.INFO)
    if token == "":
        raise typer.BadParameter("--token is empty")
    if token is not None and no_token:
        raise typer.BadParameter("give --token or --no-token, not both")
    if token is None and not no_token and not is_loopback(host):
        raise typer.BadParameter(
            f"--host {host} lets other machines use the service. Set a token with GLADSR_TOKEN or "
            "--token, or allow everyone with --no-token."
        )
    interrupted = run(
        limits=Limits(
            upload_bytes=round(max_upload * 2**20),
            pixels=round(max_pixels * 1e6),
            frames=max_frames,
            seconds=max_seconds,
            transfer_seconds=transfer_seconds,
            queue=queue,
            queue_per_client=queue_per_client,
            keep_seconds=keep_seconds,
            stored_bytes=round(max_stored * 2**20),
        ),
        engine=EngineSettings(engine=engine, precision=precision, device=device, threads=threads),
        host=host,
        port=port,
        token=token,
        allowed_hosts=allow_host or [],
        trusted_proxy=trusted_proxy,
        access_log=access_log,
    )
    if interrupted:
        raise typer.Exit(130)
