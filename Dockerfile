# The image of gateway, worker, relay and the commands that prepare. Build context: this folder.

FROM python:3.11-slim AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

# The environment has no pip of its own: what runs in production can't install anything.
RUN python -m venv --without-pip /opt/scserv

# Dependencies first: this layer changes only with the lock file. Wheels alone, so that
# nothing has to be compiled, and each held against its sha256.
COPY requirements/ requirements/
RUN pip --python /opt/scserv/bin/python install \
      --only-binary :all: --require-hashes -r requirements/run.txt

# The project itself. setuptools comes from the lock file as well (its one entry in
# dev.txt), rather than as whatever is newest in the moment of the build. It warns that
# README.md is not here: only a package index would show that file.
COPY pyproject.toml ./
COPY inbound/ inbound/
COPY schemas/ schemas/
COPY streams/ streams/
RUN awk '/^[a-z]/ { take = /^setuptools==/ } take' requirements/dev.txt > build.txt \
    && pip install --require-hashes -r build.txt \
    && pip wheel --no-deps --no-build-isolation -w dist . \
    && pip --python /opt/scserv/bin/python install --no-deps dist/*.whl

FROM python:3.11-slim
# A fixed number, for volumes and security policies that name it. Faust makes a folder
# where it starts, so the working folder belongs to the user.
RUN useradd --system --uid 10001 --no-create-home scserv \
    && install -d -o scserv -g scserv -m 700 /var/lib/scserv /var/lib/scserv-uploads
COPY --from=build /opt/scserv /opt/scserv
ENV PATH=/opt/scserv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /var/lib/scserv
USER scserv
ENTRYPOINT ["scserv"]
CMD ["--help"]
