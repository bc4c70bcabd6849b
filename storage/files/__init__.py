"""Packs on S3."""
