"""Elasticsearch: mappings, bulk indexing, search."""
