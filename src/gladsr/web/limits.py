"""The limits of the service."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Upper bounds for one request, one client and all clients together.

    Attributes:
        upload_bytes: Size of a request body.
        pixels: Pixels of the output, all pages or frames together, computed from the header before
            anything is decoded. The input cannot have more either.
        pages: Pages of a TIFF file.
        frames: Frames of an animation.
        header_seconds: Time to read one picture's header.
        seconds: Time to compute one picture.
        cancel_seconds: Time that a worker process has to stop a cancelled job, before it is killed.
        transfer_seconds: Time for a request to arrive, and again for its response to be sent.
        upload_grace_seconds: Time before `upload_rate` applies.
        upload_rate: Least average rate of an upload in bytes per second.
        queue: Pictures being uploaded, waiting or being computed.
        queue_per_client: The same for one client.
        uploads_per_client: Unfinished uploads of one client.
        keep_seconds: How long the files of a finished job are kept.
        stored_bytes: Size of the files of all finished jobs; beyond it, the oldest are removed.
        head_seconds: Time for a request line and its headers to arrive.
        connections: Open connections.
        connections_per_client: Open connections of one client.
    """

    upload_bytes: int = 64 * 2**20
    pixels: int = 100_000_000
    pages: int = 200
    frames: int = 1000
    header_seconds: float = 10
    seconds: float = 600
    cancel_seconds: float = 1
    transfer_seconds: float = 300
    upload_grace_seconds: float = 10
    upload_rate: int = 10_000
    queue: int = 64
    queue_per_client: int = 16
    uploads_per_client: int = 8
    keep_seconds: float = 600
    stored_bytes: int = 2 * 2**30
    head_seconds: float = 10
    connections: int = 500
    connections_per_client: int = 64
