"""OTLP over HTTP: the specification's paths, answers and status codes (OTLP 1.x, "OTLP/HTTP")."""
