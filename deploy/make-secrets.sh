#!/bin/sh
# Creates the files in ./secrets that docker-compose.yml mounts. Run it in the project's folder.
# Safe to repeat: an existing file is never changed, because a lost key can't be recovered.
set -eu

# Containers read the files as their own users, so the files are readable for all, and the folder
# keeps the other users of this machine out.
umask 022
mkdir -p secrets
chmod 700 secrets

put() { # NAME: write standard input to secrets/NAME.key unless it exists
  if [ -e "secrets/$1.key" ]; then
    echo "secrets/$1.key exists, unchanged"
    return
  fi
  # One that an interrupted run left can't be written to.
  rm -f "secrets/.$1.new"
  cat > "secrets/.$1.new"
  # An empty key would stay for ever: whatever was to write it has failed.
  if ! grep -q . "secrets/.$1.new"; then
    rm -f "secrets/.$1.new"
    echo "secrets/$1.key: there is nothing to write into it" >&2
    exit 1
  fi
  chmod 444 "secrets/.$1.new"
  mv "secrets/.$1.new" "secrets/$1.key"
  echo "secrets/$1.key created"
}

openssl rand -base64 32 | put vault
openssl rand -base64 32 | put subject
openssl rand -hex 24 | put postgres
# The same password in the form that the service reads.
printf 'postgresql://scserv:%s@postgres/scserv\n' "$(cat secrets/postgres.key)" | put database_url
openssl rand -hex 12 | put grafana

if [ ! -e secrets/smpp.key ]; then
  if [ -t 0 ]; then
    printf 'SMPP password from the operator of the SMS centre: '
    stty -echo
    trap 'stty echo' EXIT
  fi
  IFS= read -r password || :
  printf '%s\n' "$password" | put smpp
fi
