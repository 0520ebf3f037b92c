#!/bin/sh
# Stands in for gitleaks: reports each line with PLANTED as `detect --no-git --report-format json` does.
while [ $# -gt 0 ]; do
    case $1 in
        --source) site=$2 ;;
        --report-path) report=$2 ;;
        --config) configuration=$2 ;;
        --redact) redacted=yes ;;
    esac
    shift
done
# What it must be told, and what it must not see.
[ "$redacted" ] && grep -q 'useDefault = true' "$configuration" && [ -z "$GITLEAKS_CONFIG$HOME" ] || exit 1
{
    echo '['
    grep -rn PLANTED "$site" | sort | while IFS=: read -r file line rest; do
        rule=planted-rule
        case $rest in *GENERIC*) rule=generic-api-key ;; esac
        printf '%s{"RuleID":"%s","File":"%s","StartLine":%s,"Secret":"REDACTED"}' "$comma" "$rule" "$file" "$line"
        comma=,
    done
    echo ']'
} > "$report"
