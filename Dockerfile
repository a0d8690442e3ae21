# One image for the API, the workers and Prefect's server; docker-compose.yml says which command each runs.
FROM node:22-bookworm-slim AS assets
WORKDIR /src
COPY services/dashboard/package.json services/dashboard/package-lock.json services/dashboard/.npmrc services/dashboard/
COPY tools/install_assets.sh tools/
# The script goes on without what it cannot fetch; an image is made with all of it or not at all.
RUN tools/install_assets.sh && test -e services/dashboard/vendor/plotly.js

FROM python:3.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/petalite
WORKDIR /src
COPY constraints.txt pyproject.toml README.md LICENSE ./
# The CPU build of torch: the one on the package index brings gigabytes of libraries for graphics cards.
RUN /opt/petalite/bin/pip install --constraint constraints.txt \
    --extra-index-url https://download.pytorch.org/whl/cpu "torch==2.13.0+cpu"
COPY domain domain
COPY generators generators
COPY surrogates surrogates
COPY oracles oracles
COPY services services
COPY flows flows
COPY docs/examples docs/examples
COPY --from=assets /src/services/dashboard/vendor services/dashboard/vendor
RUN /opt/petalite/bin/pip install --constraint constraints.txt .

FROM python:3.12-slim-bookworm
# pg_dump for `petalite backup`, of the version of the database in docker-compose.yml; libgomp for torch.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 postgresql-client-15 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 petalite \
    && install --directory --owner petalite --group petalite /data
COPY --from=build /opt/petalite /opt/petalite
ENV PATH=/opt/petalite/bin:$PATH PETALITE_HOME=/data PYTHONUNBUFFERED=1 \
    OMP_NUM_THREADS=1 DO_NOT_TRACK=1 PREFECT_SERVER_ANALYTICS_ENABLED=false
USER petalite
WORKDIR /data
VOLUME /data
EXPOSE 8642
STOPSIGNAL SIGTERM
ENTRYPOINT ["petalite"]
CMD ["serve", "--host", "0.0.0.0"]
