# One image for every service and for the operator's command: `docker run IMAGE services.tickets`, `… switchboard migrate`.
# The embedded Kafka and PostgreSQL are not in it; a container is told where its servers are (docs/deploy.md).

ARG PYTHON=3.13-slim-bookworm

FROM python:${PYTHON} AS builder
WORKDIR /build
COPY requirements/services.txt requirements/
# Every package comes as a wheel with a pinned hash: nothing is compiled and nothing is resolved here.
RUN python -m venv --without-pip /venv \
 && python -m pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check \
      --only-binary=:all: --no-deps --require-hashes -r requirements/services.txt
COPY shared /app/shared
COPY services /app/services
COPY switchboard /app/switchboard
RUN /venv/bin/python -m compileall -q /app

FROM python:${PYTHON}
ARG VERSION=dev
LABEL org.opencontainers.image.title="Switchboard" \
      org.opencontainers.image.description="The support desk of an online shop, as independent services on Kafka" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
# Code and packages are root's, so that the process cannot change them; a new volume on the blobs' folder is the user's.
RUN groupadd --gid 10001 switchboard \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin switchboard \
 && install -d -o 10001 -g 10001 -m 0750 /var/lib/switchboard/blobs
COPY --from=builder /venv /venv
COPY --from=builder /app /app
ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    SWITCHBOARD_HOST=0.0.0.0 \
    SWITCHBOARD_PORT=8000 \
    SWITCHBOARD_BLOBS=/var/lib/switchboard/blobs
WORKDIR /app
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["python", "-m"]
CMD ["switchboard", "--help"]
