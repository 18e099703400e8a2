"""The installations of the operator's guide, in real containers: `make containers` runs these.

Podman builds the image and starts what docker-compose.yml says. A second machine is a container
whose process 1 is systemd, where the commands of "Install without Docker" run as they stand in the
guide.

**What is not the real thing.** No registry of images is needed, so the base images are stand-ins,
made of Debian by mmdebstrap (`images.py`): `python:3.11-slim` is Debian's Python; `postgres:18` and
`apache/kafka` are the servers of the test suite, started by scripts that read the variables which
docker-compose.yml sets (`stand_ins/`); node_exporter is Debian's; the OpenTelemetry collector is a
program that counts what it gets. Prometheus, Tempo and Grafana are left out. The SMS centre is
`scserv simulator`.
"""
