#!/bin/sh
# Stands in for a gitleaks whose report is none.
while [ $# -gt 0 ]; do
    case $1 in --report-path) echo 'leaks found: 3' > "$2" ;; esac
    shift
done
