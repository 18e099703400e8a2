# The image of every process and command. Build context: this folder.
#
# Dependencies are locked with their sha256, and compiled modules name no time, so that two builds of
# the same sources have little reason to differ. To pin the base, too, pass --build-arg PYTHON=python:3.11-slim@sha256:...
ARG PYTHON=python:3.11-slim

FROM ${PYTHON} AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    PIP_NO_COMPILE=1

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
# The root file system is read-only at run time, so modules are compiled here. By their content: by
# their time, which is the default, two builds would differ.
RUN awk '/^[a-z]/ { take = /^setuptools==/ } take' requirements/dev.txt > build.txt \
    && pip install --require-hashes -r build.txt \
    && pip wheel --no-deps --no-build-isolation -w dist . \
    && pip --python /opt/scserv/bin/python install --no-deps dist/*.whl \
    && PYTHONHASHSEED=0 python -m compileall -q --invalidation-mode unchecked-hash /opt/scserv/lib

FROM ${PYTHON}
# Fixed numbers, for volumes and security policies that name them. Faust makes a folder where it
# starts, so the user may write to the working folder; all may, because Podman gives its mode to a
# tmpfs in its place, and not its owner.
RUN groupadd --system --gid 10001 scserv \
    && useradd --system --uid 10001 --gid scserv --no-create-home scserv \
    && install -d -m 1777 /var/lib/scserv \
    && install -d -o scserv -g scserv -m 700 /var/lib/scserv-uploads
COPY --from=build /opt/scserv /opt/scserv
ENV PATH=/opt/scserv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /var/lib/scserv
# By number, so that Kubernetes can see that it is not root. No HEALTHCHECK: the same image runs
# commands that end, and the port is a setting (SCSERV_HEALTH_PORT).
USER 10001:10001
ENTRYPOINT ["scserv"]
CMD ["--help"]
