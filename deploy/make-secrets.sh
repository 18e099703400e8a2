#!/bin/sh
# Make the files of ./secrets that docker-compose.yml mounts. Run it in the project's folder.
# Safe to repeat: a file that is there is never changed, because a lost key can't be made again.
set -eu

# Containers read the files as users of their own, so the files are readable and the folder
# keeps everybody else on this machine out.
umask 022
mkdir -p secrets
chmod 700 secrets

put() { # NAME: standard input becomes secrets/NAME.key, unless it exists
  if [ -e "secrets/$1.key" ]; then
    echo "secrets/$1.key is there, kept"
    return
  fi
  cat > "secrets/.$1.new"
  chmod 444 "secrets/.$1.new"
  mv "secrets/.$1.new" "secrets/$1.key"
  echo "secrets/$1.key made"
}

openssl rand -base64 32 | put vault
openssl rand -base64 32 | put subject
openssl rand -hex 24 | put postgres
# The same password a second time, where the service looks for it.
printf 'postgresql://scserv:%s@postgres/scserv\n' "$(cat secrets/postgres.key)" | put database_url
openssl rand -hex 12 | put grafana

if [ ! -e secrets/smpp.key ]; then
  if [ -t 0 ]; then
    printf 'SMPP password that the SMS centre gave you: '
    stty -echo
    trap 'stty echo' EXIT
  fi
  IFS= read -r password || :
  printf '%s\n' "$password" | put smpp
fi
