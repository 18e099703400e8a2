#!/bin/sh
# Stands in for the start of the image prom/node-exporter: Debian's program with the same options.
exec /opt/prometheus-node-exporter/usr/bin/prometheus-node-exporter "$@"
