"""Packs: many events' raw payloads in one immutable S3 object, each readable by byte range.

``pack`` and what it stands on (``layout``, ``index``, ``frames``, ``order``, ``compression``)
are pure; ``s3`` talks to the object store; ``store`` joins the two.
"""
