"""What the service takes on at most."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The most that a request and all requests together may ask for.

    Attributes:
        upload_bytes: The size of a request's body.
        pixels: The pixels of an upscaled picture, all its pages or frames together, known before
            anything is decoded; also of the picture that comes in.
        pages: The pages of a TIFF file.
        seconds: The time to compute one picture.
        transfer_seconds: The time for a picture to come in, and again for it to go out.
        queue: How many pictures are taken in at a time, all clients together.
        queue_per_client: The same, of one client.
        keep_seconds: How long a finished job's files can be fetched.
        stored_bytes: The size of all finished jobs' files; beyond it, the oldest vanish early.
        head_seconds: The time for a request's line and headers to come in.
        connections: How many connections are open at a time.
    """

    upload_bytes: int = 64 * 2**20
    pixels: int = 100_000_000
    pages: int = 200
    seconds: float = 600
    transfer_seconds: float = 300
    queue: int = 64
    queue_per_client: int = 16
    keep_seconds: float = 600
    stored_bytes: int = 2 * 2**30
    head_seconds: float = 10
    connections: int = 500
