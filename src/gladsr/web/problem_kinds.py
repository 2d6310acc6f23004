"""The kinds of errors that the service reports."""

from enum import Enum


class ProblemKind(Enum):
    """A kind of error; the page `/problems` explains each under its slug.

    Attributes:
        slug: The name in addresses and in the metrics.
        status: The HTTP status.
        title: One line for readers.
    """

    BAD_REQUEST = "bad-request", 400, "The request is malformed"
    TOKEN_NEEDED = "token-needed", 401, "The token is missing or wrong"
    FOREIGN_PAGE = "foreign-page", 403, "The request comes from another site's page"
    NOT_FOUND = "not-found", 404, "Not found"
    METHOD = "method", 405, "The method is not supported"
    TOO_SLOW = "too-slow", 408, "The upload was too slow"
    NOT_READY = "not-ready", 503, "Not ready yet"
    CANCELLED = "cancelled", 410, "The job was cancelled"
    TOO_LARGE = "too-large", 413, "The picture is too large"
    FORMAT = "format", 415, "The file format is not supported"
    WRONG_HOST = "wrong-host", 421, "The host name is not allowed"
    OPTIONS = "options", 422, "An option is invalid"
    PICTURE = "picture", 422, "The picture cannot be upscaled"
    YOUR_QUEUE_FULL = "your-queue-full", 429, "You have too many pictures in the queue"
    QUEUE_FULL = "queue-full", 503, "The service is busy"
    STOPPING = "stopping", 503, "The service is shutting down"
    TIME_LIMIT = "time-limit", 503, "The picture took too long to compute"
    STORAGE = "storage", 503, "The service is out of disk space or memory"
    INTERNAL = "internal", 500, "Internal error"

    def __init__(self, slug: str, status: int, title: str) -> None:
        self.slug = slug
        self.status = status
        self.title = title
