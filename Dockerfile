# The browser's scripts, from their lock.
FROM node:22-slim AS frontend
WORKDIR /app
COPY .npmrc package.json package-lock.json ./
RUN npm ci --ignore-scripts --omit=dev && npm run vendor

# The Python packages, from their lock. crontab comes as a source package; pip builds it without a compiler.
FROM python:3.13-slim AS packages
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes --no-deps --requirement requirements.txt

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    APP_ENV=production \
    HOST=0.0.0.0 \
    PORT=8000 \
    INSTANCE_DIR=/var/lib/stagewatch
RUN useradd --system --uid 10001 --user-group --no-create-home stagewatch \
    && install --directory --owner=stagewatch --group=stagewatch --mode=0700 /var/lib/stagewatch \
    && install --directory --owner=stagewatch --group=stagewatch --mode=0755 /secrets
WORKDIR /app
COPY --from=packages /venv /venv
COPY config.py wsgi.py ./
COPY deploy deploy
COPY migrations migrations
COPY worker worker
COPY webapp webapp
COPY --from=frontend /app/webapp/static/vendor webapp/static/vendor
USER 10001
EXPOSE 8000
VOLUME /var/lib/stagewatch
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-m", "deploy.healthcheck", "web"]
ENTRYPOINT ["python", "-m", "deploy.entrypoint"]
CMD ["web"]
