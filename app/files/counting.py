"""What the file server counts of its cache, in a registry of its process."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from storage.files.cache.frames import FrameCache, Observe, Source

_SOURCES: tuple[Source, ...] = ("memory", "disk", "miss")


def count_reads(registry: CollectorRegistry) -> Observe:
    """Counts reads of events by where their frame was. The hit rate is what is not ``miss``."""
    reads = Counter(
        "sluice_files_cache_reads",
        "Reads of events by where their frame was found: memory, disk, or miss (the object store).",
        ["found"],
        registry=registry,
    )
    by_source = {source: reads.labels(source) for source in _SOURCES}
    return lambda source: by_source[source].inc()


class _Sizes(Collector):
    def __init__(self, cache: FrameCache) -> None:
        self._cache = cache

    def collect(self) -> Iterator[Metric]:
        size = GaugeMetricFamily(
            "sluice_files_cache_bytes",
            "Bytes kept: by this process in memory, by this node on disk.",
            labels=["where"],
        )
        in_memory, on_disk = self._cache.used()
        size.add_metric(["memory"], in_memory)
        size.add_metric(["disk"], on_disk)
        yield size


def register_sizes(registry: CollectorRegistry, cache: FrameCache) -> None:
    """Tell at each scrape how much the cache keeps."""
    registry.register(_Sizes(cache))
