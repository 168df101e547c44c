# shellcheck shell=bash
#
# Runs a command where the driver of a machine that is not NixOS is found: `axle-with-driver python train.py`.
#
# It makes a folder of links to the driver's files and to nothing else, and puts it first in LD_LIBRARY_PATH: a folder
# of the machine itself, such as /usr/lib/x86_64-linux-gnu, would bring its C library too, which is another one than that
# of the store.
#
# The values before this text:
#   axleDriver           the driver's folder
#   axleDriverLibraries  what the names of the driver's libraries begin with, up to the version: `libcuda.so`
#   axleMachine          how ldconfig calls libraries for this machine: `x86-64`
#   axleTriplet          how Debian calls their folder: `x86_64-linux-gnu`
#   axleTools            a folder with the coreutils
set -euo pipefail

# Where the machine's files are; of use in tests only.
root=${AXLE_DRIVER_ROOT-}

usage() {
    cat <<'EOF'
Usage: axle-with-driver COMMAND [ARGUMENT...]
       axle-with-driver --print

Runs a command with the folder of NVIDIA's driver in LD_LIBRARY_PATH, or prints the folder. On NixOS, where packages
look into the driver's folder by themselves, it changes nothing.
EOF
}

# Where the driver's files may be. WSL's come first: a driver for Linux that is installed there too cannot work.
candidates() {
    local folder line
    printf '%s\n' "$root"/usr/lib/wsl/lib/*
    if [[ -x $root/sbin/ldconfig ]]; then
        while IFS= read -r line; do
            if [[ $line == *"(libc6,$axleMachine"*") => "* ]]; then printf '%s\n' "$root${line##* => }"; fi
        done < <("$root/sbin/ldconfig" -p 2>/dev/null)
    fi
    # Containers, Debian and Ubuntu, others.
    for folder in /usr/local/nvidia/lib64 /usr/lib/"$axleTriplet"{,/nvidia/current} /usr/lib64 /usr/lib; do
        printf '%s\n' "$root$folder"/*
    done
}

is_of_driver() {
    local name=$1
    case $name in
        # With these WSL's libcuda reaches the driver of Windows.
        libdxcore.so | libd3d12*.so | libnvdxdlkernels.so | libnvwgf2umx.so | libnvoptix_loader.so.1) return ;;
    esac
    [[ $name == *.so || $name == *.so.* ]] && [[ " $axleDriverLibraries " == *" ${name%%.so*}.so "* ]]
}

links() {
    local path name
    local -A seen=()
    while IFS= read -r path; do
        name=${path##*/}
        if [[ -z ${seen[$name]-} ]] && is_of_driver "$name" && [[ -e $path ]]; then
            seen[$name]=$path
            printf '%s\t%s\n' "$name" "$path"
        fi
    done < <(candidates)
}

# The folder of the given links, made where it is missing: its name says what is in it.
folder_of() (
    links=$1
    PATH=$axleTools
    key=$(sha256sum <<< "$links")
    cache=${XDG_CACHE_HOME:-${HOME:?says where the folder of links is to be, and is not set}/.cache}/axle/driver
    folder=$cache/${key:0:32}
    if [[ ! -d $folder ]]; then
        mkdir -p "$cache"
        new=$(mktemp -d "$cache/new.XXXXXX")
        while IFS=$'\t' read -r name path; do ln -s "$path" "$new/$name"; done <<< "$links"
        # What links against the driver asks for it without a version.
        if [[ ! -e $new/libcuda.so ]]; then ln -s libcuda.so.1 "$new/libcuda.so"; fi
        chmod 755 "$new"
        # Another process may have been faster.
        mv -T "$new" "$folder" 2>/dev/null || rm -rf "$new"
    fi
    printf '%s\n' "$folder"
)

case ${1-} in
    --print) print=yes ;;
    -h | --help) usage; exit ;;
    '' | -*) usage >&2; exit 2 ;;
    *) print= ;;
esac

if [[ -e $axleDriver/libcuda.so.1 ]]; then
    folder=$axleDriver
else
    links=$(links)
    if [[ $'\n'$links != *$'\nlibcuda.so.1\t'* ]]; then
        echo "axle-with-driver: this machine has no libcuda.so.1 in /usr/lib/wsl/lib, in what \`ldconfig -p\` lists, or in /usr/lib: install NVIDIA's driver, on WSL2 in Windows" >&2
        exit 1
    fi
    folder=$(folder_of "$links")
fi
if [[ -n $print ]]; then
    printf '%s\n' "$folder"
elif [[ $folder == "$axleDriver" ]]; then
    exec "$@"
else
    export LD_LIBRARY_PATH=$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    # It would ask the machine's ldconfig, and link against a folder with the machine's C library.
    export TRITON_LIBCUDA_PATH=${TRITON_LIBCUDA_PATH:-$folder}
    exec "$@"
fi
