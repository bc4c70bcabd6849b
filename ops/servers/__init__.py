"""The embedded servers: how each is fetched, prepared, started and known to be ready."""
