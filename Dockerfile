# The service on a processor: no root, no compiler, nothing written but /data and /tmp. See docs/serve.md.
ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 TELLTRACE_CACHE=/opt/telltrace/cache
RUN python -m venv /opt/telltrace
ENV PATH=/opt/telltrace/bin:$PATH
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src src
# Versions are those that pyproject.toml bounds. The graphs of the networks are prepared here, so that the container writes none.
# hadolint ignore=DL3013
RUN pip install ".[serve,postgres,onnx]" && python -c "from telltrace import Scanner; Scanner()"

FROM python:${PYTHON}-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin telltrace && install -d -o telltrace /data
COPY --from=build /opt/telltrace /opt/telltrace
ENV PATH=/opt/telltrace/bin:$PATH TELLTRACE_CACHE=/opt/telltrace/cache PYTHONDONTWRITEBYTECODE=1 \
    MPLCONFIGDIR=/tmp/matplotlib
USER 10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["telltrace", "serve", "--host", "0.0.0.0", "--data", "/data"]
