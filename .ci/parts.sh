# shellcheck shell=bash
# The parts that the tests use and that go.mod cannot bring. Sourced by
# .ci/install and .ci/test. One line a part:
#
#   name | probe (a function below) | Debian packages | what does not run without it
#
# A new part is one more line here, and a probe that asks the part itself
# rather than the package manager.
parts_table() {
  cat <<'TABLE'
c-compiler | probe_c_compiler | gcc libc6-dev | the race detector: tests run without -race
mariadb    | probe_mariadb    | mariadb-server | tests against a real MariaDB
odbc       | probe_odbc       | unixodbc unixodbc-dev odbc-mariadb | tests of the drivers that reach their PMS through ODBC
TABLE
}

# The compiler that Go would call must compile and link a thread program, which
# is what the race detector asks of it: a gcc without libc's headers is no help.
probe_c_compiler() {
  local cc dir status=0
  cc=$(go env CC) || return 1
  dir=$(mktemp -d) || return 1
  # $cc may hold options, so it is split on purpose.
  # shellcheck disable=SC2086
  printf '#include <pthread.h>\n#include <stdlib.h>\nint main(void) { return 0; }\n' |
    $cc -x c - -pthread -o "$dir/probe" >/dev/null 2>&1 || status=1
  rm -rf "$dir"
  return "$status"
}

# What the SQL driver for ODBC includes must compile and link, and MariaDB's ODBC
# driver must be where the tests look (driver/sqlpms/odbctest).
probe_odbc() {
  local cc dir status=0
  probe_c_compiler || return 1
  cc=$(go env CC) || return 1
  dir=$(mktemp -d) || return 1
  # shellcheck disable=SC2086
  printf '#include <sql.h>\n#include <sqlext.h>\nint main(void) { SQLHANDLE h; return SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &h); }\n' |
    $cc -x c - -o "$dir/probe" -lodbc >/dev/null 2>&1 || status=1
  rm -rf "$dir"
  [ "$status" -eq 0 ] || return 1
  compgen -G '/usr/lib/*/odbc/libmaodbc.so' >/dev/null || compgen -G '/usr/lib*/*/libmaodbc.so' >/dev/null ||
    compgen -G '/usr/lib*/libmaodbc.so' >/dev/null || compgen -G '/usr/local/lib/libmaodbc.so' >/dev/null ||
    compgen -G '/usr/local/lib/*/libmaodbc.so' >/dev/null
}

# odbc_tags sets tags to the build tag with which tests go through ODBC, where the
# parts are there. Without it nothing needs a C compiler.
odbc_tags() {
  tags=()
  if have_part odbc; then tags=(-tags=odbc); fi
}

# Debian keeps the server in sbin, which is not in every user's PATH.
probe_mariadb() {
  (
    PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
    command -v mariadbd && command -v mariadb-install-db
  ) >/dev/null 2>&1
}

trim() {
  local s="$1"
  s="${s#"${s%%[![:space:]]*}"}"
  s="${s%"${s##*[![:space:]]}"}"
  printf '%s' "$s"
}

# each_part CALLBACK calls CALLBACK name probe packages effect for every line.
each_part() {
  local name probe packages effect
  while IFS='|' read -r name probe packages effect; do
    [ -n "$name" ] || continue
    "$1" "$(trim "$name")" "$(trim "$probe")" "$(trim "$packages")" "$(trim "$effect")"
  done < <(parts_table)
}

# have_part NAME: is it there?
have_part() {
  wanted="$1" found=1
  _have() { if [ "$1" = "$wanted" ] && "$2"; then found=0; fi; }
  each_part _have
  return "$found"
}

# loud prints a framed message that is not overlooked in a long log.
loud() {
  {
    echo "!! ------------------------------------------------------------------"
    printf '!! %s\n' "$@"
    echo "!! ------------------------------------------------------------------"
  } >&2
}
