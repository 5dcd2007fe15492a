#!/bin/sh
# Makes sure that redis-server and MariaDB are on this machine, because the tests run against real ones. Installs what is
# missing where it may (root on Debian and its kin); elsewhere it fails and names the command. Their system services are
# not started: the tests start servers of their own.
set -u
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

has() { for one in "$@"; do if command -v "$one" >/dev/null 2>&1; then return 0; fi; done; return 1; }

missing=''
has redis-server || missing="$missing redis-server"
if ! has mariadbd mysqld || ! has mariadb-install-db mysql_install_db; then missing="$missing mariadb-server"; fi
[ -n "$missing" ] || exit 0

if ! has apt-get; then
  echo "The tests need$missing on the PATH. On Debian: sudo apt-get install$missing" >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "The tests need$missing. Install with: sudo apt-get update && sudo apt-get install -y$missing" >&2
  exit 1
fi

export DEBIAN_FRONTEND=noninteractive
if [ ! -e /usr/sbin/policy-rc.d ]; then
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
fi

echo "Installing$missing for the tests" >&2
# A mirror may fail for a moment, and an index may be older than the package it names: both deserve a second try.
for attempt in 1 2; do
  apt-get -o DPkg::Lock::Timeout=300 -qq update &&
    # shellcheck disable=SC2086
    apt-get -o DPkg::Lock::Timeout=300 -qq install -y --no-install-recommends $missing >/dev/null && exit 0
  echo "Installing$missing failed (attempt $attempt)" >&2
done
exit 1
