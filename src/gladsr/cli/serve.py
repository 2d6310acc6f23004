"""`gladsr serve`: the page and the HTTP service."""

import logging
from typing import Annotated

import typer

from gladsr.cli import options
from gladsr.cli.console import ConsoleHandler, say, show_information


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
            help="What requests must bear; better in the environment, where other users of the "
            "machine do not see it.",
            rich_help_panel="Access",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            help="A name by which the service may be called; may be repeated.",
            rich_help_panel="Access",
        ),
    ] = None,
    trusted_proxy: Annotated[
        str | None,
        typer.Option(
            help="The address of a proxy whose X-Forwarded-For says who asks.",
            rich_help_panel="Access",
        ),
    ] = None,
    access_log: Annotated[
        bool,
        typer.Option("--access-log", help="Log every request.", rich_help_panel="Access"),
    ] = False,
    max_upload: Annotated[
        float,
        typer.Option(min=0.001, help="MiB that a picture may have.", rich_help_panel="Limits"),
    ] = 64,
    max_pixels: Annotated[
        float,
        typer.Option(
            min=0.0001,
            help="Megapixels that an upscaled picture may have, all its pages or frames together.",
            rich_help_panel="Limits",
        ),
    ] = 100,
    max_seconds: Annotated[
        float,
        typer.Option(min=0.1, help="Seconds to compute a picture.", rich_help_panel="Limits"),
    ] = 600,
    transfer_seconds: Annotated[
        float,
        typer.Option(
            min=0.1,
            help="Seconds for a picture to come in, and to go out.",
            rich_help_panel="Limits",
        ),
    ] = 300,
    queue: Annotated[
        int, typer.Option(min=1, help="Pictures taken in at a time.", rich_help_panel="Limits")
    ] = 64,
    queue_per_client: Annotated[
        int,
        typer.Option(
            min=1, help="Pictures taken in at a time from one address.", rich_help_panel="Limits"
        ),
    ] = 16,
    keep_seconds: Annotated[
        float,
        typer.Option(
            min=1, help="Seconds that a finished job's files are kept.", rich_help_panel="Limits"
        ),
    ] = 600,
    max_stored: Annotated[
        float,
        typer.Option(
            min=1, help="MiB that finished jobs' files may take.", rich_help_panel="Limits"
        ),
    ] = 2048,
    engine: options.Engine = "auto",
    precision: options.ComputePrecision = "fp32",
    device: options.Device = None,
    threads: options.Threads = None,
) -> None:
    """Serve a page in the browser, and upscaling over HTTP.

    The page needs nothing from other hosts and sends nothing out. Pictures are kept in a private
    temporary folder, those that are done for some minutes; Ctrl-C finishes the picture at hand.

    gladsr serve

    curl --fail -F image=@photo.jpg "http://127.0.0.1:8000/v1/upscale?scale=2" -o large.jpg

    gladsr serve --host 0.0.0.0 with GLADSR_TOKEN set serves other machines.
    """
    from gladsr.web import Limits, Machine, run  # noqa: PLC0415 - needs the extra gladsr[web]

    show_information()
    logging.getLogger("uvicorn").addHandler(ConsoleHandler())
    if access_log:
        logging.getLogger("uvicorn.access").setLevel(logging.INFO)
    if token == "":
        raise typer.BadParameter("--token is empty")
    if host not in {"127.0.0.1", "localhost", "::1"} and token is None:
        say("without --token, whoever reaches this address may use the service")
    interrupted = run(
        limits=Limits(
            upload_bytes=round(max_upload * 2**20),
            pixels=round(max_pixels * 1e6),
            seconds=max_seconds,
            transfer_seconds=transfer_seconds,
            queue=queue,
            queue_per_client=queue_per_client,
            keep_seconds=keep_seconds,
            stored_bytes=round(max_stored * 2**20),
        ),
        machine=Machine(engine=engine, precision=precision, device=device, threads=threads),
        host=host,
        port=port,
        token=token,
        allowed_hosts=allow_host or [],
        trusted_proxy=trusted_proxy,
        access_log=access_log,
    )
    if interrupted:
        raise typer.Exit(130)
