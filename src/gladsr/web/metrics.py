"""The metrics of the service, in Prometheus' text format."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


class Metrics:
    """The metrics of one service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "gladsr_requests",
            "Responses by method and status.",
            ["method", "status"],
            registry=self._registry,
        )
        self.pictures = Counter(
            "gladsr_pictures",
            "Pictures by outcome.",
            ["outcome"],
            registry=self._registry,
        )
        self.rejected = Counter(
            "gladsr_rejected",
            "Rejected requests by kind of problem.",
            ["kind"],
            registry=self._registry,
        )
        self.pixels = Counter(
            "gladsr_pixels",
            "Pixels of the upscaled inputs.",
            registry=self._registry,
        )
        self.seconds = Histogram(
            "gladsr_compute_seconds",
            "Time to compute a picture.",
            buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
            registry=self._registry,
        )
        self.waited = Histogram(
            "gladsr_wait_seconds",
            "Time that a picture spent in the queue.",
            buckets=(0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300),
            registry=self._registry,
        )
        self.waiting = Gauge(
            "gladsr_waiting_pictures", "Pictures in the queue.", registry=self._registry
        )
        self.stored = Gauge(
            "gladsr_stored_bytes", "Size of the files of finished jobs.", registry=self._registry
        )
        self.restarts = Counter(
            "gladsr_worker_restarts",
            "Restarts of the process that upscales.",
            registry=self._registry,
        )
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """Return all metrics in the text format."""
        return generate_latest(self._registry)
