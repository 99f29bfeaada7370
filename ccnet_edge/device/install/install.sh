#!/bin/sh
# Installs bundles that are signed by a pinned key, on devices without Python: a POSIX shell,
# openssl 3, and tar, sha256sum, awk, flock and mv -T as busybox has them.
# Put there before any bundle; it runs nothing of a bundle that it has not checked.
#
#   ROOT/current        -> slots/a/bundle or slots/b/bundle
#   ROOT/slots/a/       bundle/ and bundle.sig
#   ROOT/slots/b/
set -eu

KEY='@KEY@'
TRUSTED='@TRUSTED@'
ROOT='@ROOT@'
DISK='@DISK@'
TEST='@TEST@'

usage() {
    cat <<END
usage: ccnet-install.sh install BUNDLE.tar [--signature FILE] [--allow-downgrade] [--allow-other-name]
       ccnet-install.sh status | rollback
Trusted: $TRUSTED
END
}

fail() {
    code=$1
    shift
    printf 'error: %s\n' "$*" >&2
    exit "$code"
}

# line FILE NUMBER PATTERN: the line, which has to be of that form
line() {
    found=$(sed -n "$2p" "$1")
    printf '%s\n' "$found" | grep -Eqx "$3" || fail 9 "$1 is not a bundle's signature"
    printf '%s\n' "$found"
}

# read_signature FILE: check that a pinned key made it, and set what it says
read_signature() {
    [ -f "$1" ] || fail 9 "$1: a signature was wanted, found none"
    [ "$(wc -c <"$1")" -le 2048 ] && [ "$(wc -l <"$1")" -eq 8 ] ||
        fail 9 "$1 is not a bundle's signature"
    line "$1" 1 'ccnet-edge bundle signature v1' >/dev/null
    name=$(line "$1" 2 'name [A-Za-z0-9_][A-Za-z0-9_.-]{0,199}') && name=${name#name }
    version=$(line "$1" 3 'version (0|[1-9][0-9]{0,17})') && version=${version#version }
    machine=$(line "$1" 4 'architecture [a-z0-9_]{1,40}') && machine=${machine#architecture }
    manifest=$(line "$1" 5 'manifest [0-9a-f]{64}') && manifest=${manifest#manifest }
    packed=$(line "$1" 6 'packed (zip|tar|oci|dir) (0|[1-9][0-9]{0,17}) [0-9a-f]{64}')
    packed=${packed#packed }
    line "$1" 7 "key $TRUSTED" >/dev/null
    line "$1" 8 'signature [A-Za-z0-9+/]{86}==' >/dev/null
    head -n 7 "$1" >"$work/message"
    sed -n '8s/^signature //p' "$1" | openssl base64 -d -A >"$work/signature"
    printf '%s\n' "$KEY" >"$work/key"
    openssl pkeyutl -verify -pubin -inkey "$work/key" -rawin -in "$work/message" \
        -sigfile "$work/signature" >/dev/null 2>&1 ||
        fail 9 "$1: the signature is not the pinned key's"
}

# whole SLOT: it holds a signed bundle of which every file is what its hash says
whole() {
    at="$ROOT/slots/$1"
    [ -f "$at/bundle/SHA256SUMS" ] || return 1
    (
        read_signature "$at/bundle.sig"
        cd "$at/bundle"
        printf '%s  manifest.json\n' "$manifest" | sha256sum -c - && sha256sum -c SHA256SUMS
    ) >/dev/null 2>&1
}

active() {
    case $(readlink "$ROOT/current" 2>/dev/null || :) in
    slots/a/bundle) echo a ;;
    slots/b/bundle) echo b ;;
    '') [ ! -e "$ROOT/current" ] || fail 7 "$ROOT/current: a link was wanted, found a file" ;;
    *) fail 7 "$ROOT/current points to no slot" ;;
    esac
}

other() { if [ "$1" = a ]; then echo b; else echo a; fi; }

# try SLOT: the device's own test, with the bundle's folder
try() {
    if [ -n "$TEST" ]; then
        sh -c "$TEST \"\$1\"" test "$ROOT/slots/$1/bundle" >"$work/said" 2>&1 && return
    else
        python3 "$ROOT/slots/$1/bundle/ccnet-device.pyz" verify "$ROOT/slots/$1/bundle" \
            --no-measure >"$work/said" 2>&1 && return
    fi
    tail -n 8 "$work/said" >&2
    return 1
}

switch() {
    rm -f "$ROOT/.current.part"
    ln -s "slots/$1/bundle" "$ROOT/.current.part"
    sync
    mv -T "$ROOT/.current.part" "$ROOT/current"
    sync
}

size() { if [ -d "$1" ]; then du -sk "$1" | cut -f 1; else echo 0; fi; }

# unpack TAR SLOT: into the slot, of exactly the bytes whose hash was signed
unpack() {
    part="$ROOT/slots/$2.part"
    mkdir -p "$part/bundle"
    mkfifo "$work/pipe"
    sha256sum <"$work/pipe" >"$work/sum" &
    tee "$work/pipe" <"$1" | tar -xf - -C "$part/bundle" || fail 7 "$1 could not be unpacked"
    wait
    [ "$(cut -d ' ' -f 1 <"$work/sum")" = "${packed##* }" ] ||
        fail 9 "$1 changed while it was read"
    cp "$work/sig" "$part/bundle.sig"
    sync
    mv -T "$part" "$ROOT/slots/$2"
    sync
}

install() {
    bundle=$1
    shift
    signature="$bundle.sig" downgrade= rename=
    while [ $# -gt 0 ]; do
        case $1 in
        --signature) signature=${2:?--signature needs a file} && shift ;;
        --allow-downgrade) downgrade=1 ;;
        --allow-other-name) rename=1 ;;
        *) usage >&2 && exit 2 ;;
        esac
        shift
    done
    [ -f "$bundle" ] || fail 9 "$bundle: a bundle was wanted, found nothing"
    [ -f "$signature" ] || fail 9 "$signature: a signature was wanted, found none"
    cp "$signature" "$work/sig"
    now=$(active)
    if [ -n "$now" ] && whole "$now"; then
        read_signature "$ROOT/slots/$now/bundle.sig"
        running=$version running_name=$name running_manifest=$manifest
    else
        running=0 running_name= running_manifest=
    fi
    read_signature "$work/sig"
    [ "${packed%% *}" = tar ] || fail 9 "$bundle: a tar was wanted (package --format tar)"
    bytes=$(wc -c <"$bundle") && bytes=$((bytes))
    [ "$bytes $(sha256sum <"$bundle" | cut -d ' ' -f 1)" = "${packed#* }" ] ||
        fail 9 "$bundle is not the bundle that was signed: changed, damaged or cut short"
    here=$(uname -m)
    [ "$here" = arm64 ] && here=aarch64
    [ "$machine" = "$here" ] || fail 9 "$bundle is for $machine, this is $here"
    if [ -n "$running_name" ] && [ "$name" != "$running_name" ] && [ -z "$rename" ]; then
        fail 9 "a version of $running_name was wanted, found $name (--allow-other-name)"
    fi
    if [ "$version" -lt "$running" ] && [ -z "$downgrade" ]; then
        fail 9 "version $running runs, version $version is older (--allow-downgrade)"
    fi
    if [ "$manifest" = "$running_manifest" ]; then
        echo "already installed: $name version $version in slot $now"
        return
    fi
    slot=$(other "${now:-b}")
    need=$((bytes / 1024 + 128))
    free=$(($(df -Pk "$ROOT" | awk 'NR == 2 { print $4 }') + $(size "$ROOT/slots/$slot")))
    [ "$need" -le "$free" ] || fail 4 "$need kB of disk were wanted, $free kB are free"
    both=$((need + $(size "$ROOT/slots/${now:-none}")))
    [ -z "$DISK" ] || [ $((both * 1024)) -le "$DISK" ] ||
        fail 4 "both versions would take $both kB, at most $((DISK / 1024)) kB were allowed"
    empty "$slot"
    unpack "$bundle" "$slot"
    if ! whole "$slot" || ! try "$slot"; then
        empty "$slot"
        fail 7 "$name version $version failed its test here; ${running_name:-nothing} runs as before"
    fi
    switch "$slot"
    echo "installed: $name version $version in slot $slot"
}

# empty SLOT: it is whole or gone, never in between
empty() {
    [ ! -e "$ROOT/slots/$1" ] || mv -T "$ROOT/slots/$1" "$ROOT/slots/gone"
    rm -rf "$ROOT/slots/gone"
}

rollback() {
    now=$(active)
    [ -n "$now" ] || fail 7 "nothing is installed in $ROOT"
    back=$(other "$now")
    whole "$back" || fail 9 "the other version is not there, or not whole"
    try "$back" || fail 7 "the other version failed its test here"
    switch "$back"
    read_signature "$ROOT/slots/$back/bundle.sig"
    echo "went back: $name version $version in slot $back"
}

status() {
    now=$(active)
    ok=7
    for slot in a b; do
        runs='      '
        if [ "$slot" = "$now" ]; then runs='runs  ' ok=9; fi
        if [ ! -d "$ROOT/slots/$slot" ]; then
            echo "slot $slot    ${runs}empty"
        elif whole "$slot"; then
            read_signature "$ROOT/slots/$slot/bundle.sig"
            if [ "$slot" = "$now" ]; then ok=0; fi
            echo "slot $slot    $runs$name version $version, $(size "$ROOT/slots/$slot") kB"
        else
            echo "slot $slot    ${runs}damaged"
        fi
    done
    exit $ok
}

for tool in openssl sha256sum tar awk flock mkfifo mktemp; do
    command -v "$tool" >/dev/null || fail 7 "the program $tool is needed, and is not on this device"
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 7' INT TERM
case ${1:-} in
status)
    status
    ;;
install | rollback)
    command=$1
    shift
    [ "$command" = rollback ] || [ $# -gt 0 ] || { usage >&2 && exit 2; }
    mkdir -p "$ROOT/slots"
    exec 9>"$ROOT/.lock"
    flock -n 9 || fail 7 "another installer is at work in $ROOT"
    rm -rf "$ROOT/slots/a.part" "$ROOT/slots/b.part" "$ROOT/slots/gone"
    "$command" "$@"
    ;;
*)
    usage >&2
    exit 2
    ;;
esac
