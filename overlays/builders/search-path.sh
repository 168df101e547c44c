# shellcheck shell=bash
#
# Gives each ELF member below the working folder the search path to what it needs, read from the member itself: for
# wheels whose bytes nobody had seen when the catalogue was written, and for what has just been compiled.
#
# The values before this text:
#   axleProviders   soname to the folder of the build that has it
#   axleRuntimes    folders of the C and C++ run time
#   axleDriver      the driver's folder
#   axleDriverLibraries  what the names of the driver's libraries begin with, up to the version: `libcuda.so`
#   axleDriverMarks      what a member that may open one of these holds, a line each; an empty line: all may
#   axleEvery       not empty: every member gets all providers' folders, as if it loads them by `dlopen`
#   axleLoader      the loader of executables
#   axleAdvice      what to do about a soname that has no provider

axleFolderOf() {
    local soname=$1 member=$2 own runtime
    own=$(find . -name "$soname" -print -quit)
    if [[ -n $own ]]; then
        own=$(realpath --no-symlinks --relative-to="$(dirname "$member")" "$(dirname "$own")")
        [[ $own == . ]] && echo '$ORIGIN' || echo "\$ORIGIN/$own"
        return
    fi
    if [[ -n ${axleProviders[$soname]-} ]]; then
        echo "${axleProviders[$soname]}"
        return
    fi
    for runtime in $axleRuntimes; do
        if [[ -e $runtime/$soname ]]; then
            echo "$runtime"
            return
        fi
    done
    return 1
}

axlePatchMember() {
    local member=$1 needed soname folder path=
    # A static executable has no list.
    needed=$(patchelf --print-needed "$member" 2>/dev/null) || return 0
    axleAdd() { [[ :$path: == *":$1:"* ]] || path=$path${path:+:}$1; }
    for soname in $needed; do
        if [[ " $axleDriverLibraries " == *" ${soname%%.so*}.so "* ]]; then
            continue
        elif folder=$(axleFolderOf "$soname" "$member"); then
            axleAdd "$folder"
        else
            echo "axle: ${member#./} needs $soname, $axleAdvice" >&2
            axleMissing=1
        fi
    done
    if [[ -n ${axleEvery-} ]]; then
        for folder in "${axleProviders[@]}"; do axleAdd "$folder"; done
    fi
    # Last, and as DT_RUNPATH: LD_LIBRARY_PATH, which names the driver where it lies elsewhere, comes before it.
    if LC_ALL=C grep -qaF -e "$axleDriverMarks" "$member"; then
        axleAdd "$axleDriver"
        # shellcheck disable=SC2034 # For python-driver.sh.
        axleOpensDriver=yes
    fi
    if patchelf --print-interpreter "$member" >/dev/null 2>&1; then
        patchelf --set-interpreter "$axleLoader" "$member"
    fi
    if [[ -n $path ]]; then patchelf --set-rpath "$path" "$member"; else patchelf --remove-rpath "$member"; fi
}

axlePatchMembers() {
    local member
    axleMissing= axleOpensDriver=
    while IFS= read -r -d '' member; do
        if [[ $(head -c 4 "$member" | tr -d '\0') == $'\x7fELF' ]]; then axlePatchMember "$member"; fi
    done < <(find . -type f -print0 | sort -z)
    if [[ -n $axleMissing ]]; then exit 1; fi
}
