"""The search layer: one Elasticsearch index a type and month, behind one alias a type."""

from config.absent import absent

# Its client imports three more HTTP libraries where they are installed, of which we use none: 9 MB.
with absent("httpx", "requests", "aiohttp"):
    import elastic_transport  # noqa: F401 - the point
