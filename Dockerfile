# The gate as a service. It writes to /data only: run it with a read-only root file system.
# Base images are named by digest, because a tag can be moved. To take over a newer one, write its digest to both places.

FROM python:3.11-slim@sha256:9c900dea9e8fb7e16277c179b555cc72d29a352dbc33cff48ad5a0412fd5bfc7 AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
COPY requirements-build.lock requirements.lock ./
RUN python -m venv /tools && /tools/bin/pip install --require-hashes --requirement requirements-build.lock \
    && python -m venv /opt/gate && /opt/gate/bin/pip install --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY gate gate
COPY policies policies
RUN /tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/gate/bin/pip install --no-deps --no-index /wheels/*.whl \
    && /opt/gate/bin/pip uninstall --yes pip setuptools

FROM python:3.11-slim@sha256:9c900dea9e8fb7e16277c179b555cc72d29a352dbc33cff48ad5a0412fd5bfc7
# git is for `gate check` in a pipeline that runs on this image
RUN apt-get update && apt-get install --yes --no-install-recommends git && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin gate \
    && install --directory --owner gate --group gate /data /policies
COPY --from=build /opt/gate /opt/gate
COPY --chown=gate:gate policies /policies
ENV PATH=/opt/gate/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GATE_DATABASE_URL=sqlite:////data/gate.db \
    GATE_POLICIES=/policies
WORKDIR /data
USER 10001
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/readyz', timeout=2)"]
CMD ["gate", "serve", "--host", "0.0.0.0"]
