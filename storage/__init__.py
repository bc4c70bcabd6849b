"""Ports and adapters of the three storage layers: files (S3), SQL, search."""
