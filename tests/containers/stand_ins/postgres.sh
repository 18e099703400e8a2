#!/bin/sh
# Stands in for the start script of the image postgres:18, as far as docker-compose.yml uses it.
set -eu
as_postgres() { setpriv --reuid postgres --regid postgres --init-groups "$@"; }

[ "$1" = postgres ]
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  install -d -o postgres -g postgres "$(dirname "$PGDATA")"
  # Its options are words without spaces.
  # shellcheck disable=SC2086
  as_postgres initdb --pgdata "$PGDATA" --username "$POSTGRES_USER" --auth-host scram-sha-256 \
    --auth-local trust --pwfile "$POSTGRES_PASSWORD_FILE" $POSTGRES_INITDB_ARGS
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  # Meanwhile it listens only on its socket file, as the image's.
  as_postgres pg_ctl --pgdata "$PGDATA" --wait start -o "-c listen_addresses= -k /tmp"
  as_postgres createdb --host /tmp --username "$POSTGRES_USER" "$POSTGRES_DB"
  as_postgres pg_ctl --pgdata "$PGDATA" --wait stop
fi
exec setpriv --reuid postgres --regid postgres --init-groups "$@" \
  --listen_addresses='*' --unix_socket_directories=/tmp
