"""The API under ``/api/v1``: what is stored, read back."""
