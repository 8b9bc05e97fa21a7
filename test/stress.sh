#!/bin/sh
# stress.sh TIMES: the runs that are too long for `make test`, each TIMES as long. A failure prints its seed.
set -eu
seed=$(date +%s)
echo "seeds from $seed"

# rapid PACKAGE: its properties, checked often.
rapid() { go test -count 1 -timeout 6h "$1" -rapid.checks $((1000 * $2)); }

go test -count 1 -timeout 6h ./test/sim -run Histories -first "$seed" -histories $((10000 * $1))
go test -count 1 -timeout 6h ./test/churn -seed "$seed" -histories $((300 * $1))
go test -count 1 -timeout 6h ./replicate/disk -run Histories -seed "$seed" -histories $((2000 * $1))
go test -count 1 -timeout 6h ./replicate/disk -run ProgramsAtWork -seed "$seed" -storms $((2000 * $1))
for package in ./journal/version ./journal/item ./journal/name ./replicate/view ./replicate/chunk ./replicate/tree; do
	rapid "$package" "$1"
done

go test -count 1 -timeout 6h ./test/e2e -run '^TestRandom' -beside -seed "$seed" -ops $((200000 * $1))

# All tests again, several at a time on few processors: what holds only on an idle machine shows.
go test -race -count $((3 * $1)) -timeout 6h -cpu 1,4 ./fusefs/... ./replicate/session ./sshpeer ./cmd/...
go test -count $((3 * $1)) -timeout 6h ./test/e2e
