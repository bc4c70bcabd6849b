"""Workers: the Celery app, the three stages, dead letters."""
