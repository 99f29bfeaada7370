#!/bin/sh
# Stands in for Android's adb: what its documentation says of `-s`, `shell -T`, `push` and `pull`,
# their messages and exit codes. The device is this machine; ADB_SERIAL is connected, ADB_SAYS
# what is wrong with it, ADB_FULL a push that runs out of space.
fail() { echo "$1" >&2; exit 1; }
[ "$1" = -s ] || fail "adb: more than one device/emulator"
[ "$2" = "$ADB_SERIAL" ] || fail "adb: device '$2' not found"
[ -z "$ADB_SAYS" ] || fail "$ADB_SAYS"
shift 2
case "$1" in
shell)
    shift
    [ "$1" = -T ] || fail "a terminal would be used, which turns every \\n into \\r\\n"
    shift
    # The words are joined, and the device's shell takes them apart again.
    exec sh -c "$*"
    ;;
push)
    [ -d "$(dirname "$3")" ] || fail "adb: error: failed to copy '$2' to '$3': remote couldn't create file: No such file or directory"
    if [ -n "$ADB_FULL" ]; then
        head -c 1000 "$2" > "$3"
        fail "adb: error: failed to copy '$2' to '$3': remote write failed: No space left on device"
    fi
    cp "$2" "$3"
    echo "$2: 1 file pushed, 0 skipped. 38.1 MB/s"
    ;;
pull)
    [ -e "$2" ] || fail "adb: error: failed to stat remote object '$2': No such file or directory"
    cp -R "$2" "$3"
    echo "$2/: 1 file pulled, 0 skipped."
    ;;
*) fail "adb: unknown command $1" ;;
esac
