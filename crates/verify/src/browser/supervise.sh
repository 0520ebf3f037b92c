# Runs a browser ("$2" and its arguments) with the profile folder "$1", and lets nothing of it
# outlive the process that started this: standard input is a lifeline which nobody writes to, and it
# ends when that process closes it or dies in whatever way. This shell leads the process group.
profile=$1
shift
# A page that takes all memory takes no more than this, in KiB a process: 2 GiB.
ulimit -d 2097152
exec 3<&0 </dev/null
"$@" 3<&- &
browser=$!
# The reader of our words may be gone by the time we have any; writing to it would end us.
exec 2>/dev/null
{
    read -r _ <&3
    kill -KILL "$browser"
} >/dev/null &
wait "$browser"
# The browser is gone, be it by itself: end what it left in the group, this shell at last.
trap '' TERM
kill -TERM 0
for attempt in 1 2 3 4 5; do
    rm -rf -- "$profile" 2>/dev/null && break
    sleep 0.1
done
kill -KILL 0
