"""The demo: a made-up shop whose last weeks are sent through the real pipeline."""
