# docker build -t integrator . ; docker run -p 8000:8000 -e DATABASE_URL=... -e INTEGRATOR_SECRET_KEY=... integrator

FROM python:3.13-slim AS build
RUN python -m venv /opt/integrator
COPY requirements.lock /src/
# Spyne is a source package, lxml and the others are wheels; nothing needs a compiler
RUN /opt/integrator/bin/pip install --no-cache-dir --requirement /src/requirements.lock
COPY pyproject.toml README.md LICENSE /src/
COPY integrator /src/integrator
COPY migrations /src/migrations
COPY wsdl /src/wsdl
RUN /opt/integrator/bin/pip install --no-cache-dir --no-deps /src \
 && find /opt/integrator -name __pycache__ -prune -exec rm -rf {} + \
 && /opt/integrator/bin/python -m compileall -q /opt/integrator/lib \
 && /opt/integrator/bin/pip uninstall --yes --quiet pip

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/integrator integrator \
 && install -d -o integrator -g integrator /var/lib/integrator/data
COPY --from=build /opt/integrator /opt/integrator
ENV PATH=/opt/integrator/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    INTEGRATOR_HOST=0.0.0.0 \
    INTEGRATOR_PORT=8000 \
    INTEGRATOR_DATA_DIR=/var/lib/integrator/data \
    INTEGRATOR_LOG_FORMAT=json
USER integrator
WORKDIR /var/lib/integrator
VOLUME /var/lib/integrator/data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=6s --start-period=30s --retries=3 CMD ["integrator", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["integrator"]
# web and worker together; the roles alone: docker run ... integrator web, docker run ... integrator worker
CMD ["serve"]
