#!/bin/sh
# Stands in for a gitleaks that never ends.
exec tail -f /dev/null
