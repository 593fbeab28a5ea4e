# One image for every process of Anban; docker-compose.yml says which one a container runs.
FROM node:24.11.1-bookworm-slim AS screens
WORKDIR /build
COPY control_center/web/package.json control_center/web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY control_center/web/ ./
RUN npm run build

FROM python:3.13.9-slim-bookworm
ENV PATH=/opt/anban/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/anban \
    && useradd --system --uid 10001 --home-dir /var/lib/anban --shell /usr/sbin/nologin anban \
    && install --directory --owner=anban --group=anban --mode=0700 /var/lib/anban /backups \
    && install --directory --owner=anban --group=root --mode=2750 /tls \
    && install --directory --owner=anban --group=root --mode=0750 /log
WORKDIR /app
COPY requirements/run.txt requirements/run.txt
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md ./
COPY schemas/ schemas/
COPY ingest/ ingest/
COPY dispatch/ dispatch/
COPY control_center/ control_center/
COPY device_sim/ device_sim/
COPY load_tests/ load_tests/
COPY launcher/ launcher/
COPY --from=screens /build/dist/ control_center/web/dist/
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --editable .
USER anban
CMD ["python", "-m", "launcher", "--help"]
