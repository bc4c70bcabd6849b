"""The whole installation: servers and parts brought up, reported on, and taken down."""
