"""The broker: its keys and scripts, the task message, the Redis channel."""
