"""The web tier: HTTP only. It knows workers by task name and stores by their ports."""
