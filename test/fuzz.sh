#!/bin/sh
# fuzz.sh TIMES: runs every fuzz target of the module TIMES, as in 300000x.
set -eu
go list ./... | while read -r package; do
	go test -list '^Fuzz' "$package" | grep '^Fuzz' | while read -r target; do
		echo "== $package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$1" "$package"
	done
done
