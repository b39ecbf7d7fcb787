# syntax=docker/dockerfile:1

# The page: static files, which the package takes along.
FROM node:20-slim AS page
WORKDIR /src/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN npm install --no-save --no-audit --no-fund
COPY frontend ./
RUN npm run build

# Everything that is installed: the locked wheels, by hash, in an environment of their own, and our two packages.
FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
COPY requirements.txt /tmp/
RUN /opt/venv/bin/pip install --require-hashes --only-binary :all: -r /tmp/requirements.txt
WORKDIR /src
COPY packages ./packages
COPY --from=page /src/packages/taskward/src/taskward/web ./packages/taskward/src/taskward/web
RUN /opt/venv/bin/pip install --no-index --no-build-isolation --no-deps ./packages/authward ./packages/taskward

FROM python:3.13-slim
RUN groupadd --system --gid 10001 taskward \
    && useradd --system --uid 10001 --gid taskward --no-create-home --shell /usr/sbin/nologin taskward \
    && install --directory --owner taskward --group taskward --mode 0700 /var/lib/taskward
COPY --from=build /opt/venv /opt/venv
COPY main.py /app/
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=8000 \
    LOG_FORMAT=json \
    DATA_DIR=/var/lib/taskward
WORKDIR /app
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/health/live', timeout=2)"]
ENTRYPOINT ["python", "-m", "taskward"]
CMD ["serve"]
