# shellcheck shell=bash
#
# Looks, in the first second of a build that takes hours, at what only the builder knows: its memory, and the nvcc and
# the compiler that are really on PATH. Plain shell: a build with this hook depends on nothing else of axle's.
#
# build-check.nix puts the values before this text:
#   axleCuda           the release that nvcc must be of: 12.8
#   axleCompilers      what it takes, as KIND:OLDEST:NEWEST, either bound may be empty: gcc::14 clang::19
#   axleLibstdcxxMax   the gcc release of the newest libstdc++ that clang may take; empty for any
#   axleGlibcBelow     the first glibc whose headers do not fit the release's: 2.41; empty for none
#   axleMemoryPerJob   MiB that one compile job needs
#   axleAllow          the rules that only warn: AX201 AX218
# A test puts a folder with files of its own into axleRoot.

# Refuses, or only warns where that is allowed.
axleObject() {
    local rule=$1 message=$2
    case " $axleAllow " in
        *" $rule "*) echo "axle: warning: $rule: $message" >&2 ;;
        *)
            echo "axle: $rule: $message (allow = [ \"$rule\" ] makes this a warning)" >&2
            axleRefused=1
            ;;
    esac
}

# The compiler that nvcc will call, its kind and major version as it says of itself, and the libraries that it takes.
axleCheckCompiler() {
    local compiler=${NVCC_CCBIN:-${CUDAHOSTCXX:-${CXX:-c++}}} macros clang gnu libstdcxx glibcMajor glibcMinor
    local kind major range oldest newest rule
    if ! macros=$(printf '#include <cstddef>\naxle: __clang_major__ __GNUC__ _GLIBCXX_RELEASE __GLIBC__ __GLIBC_MINOR__\n' |
        $compiler -E -P -x c++ - 2>/dev/null); then
        axleObject AX220 "there is no C++ compiler: $compiler does not run, or finds no C++ library; put one on PATH, or name it by NVCC_CCBIN"
        return
    fi
    # What is no macro stays a word.
    read -r clang gnu libstdcxx glibcMajor glibcMinor <<<"${macros##*axle: }"
    if [[ $clang == __clang_major__ ]]; then kind=gcc major=$gnu; else kind=clang major=$clang; fi
    for range in $axleCompilers; do
        [[ ${range%%:*} == "$kind" ]] || continue
        range=${range#*:} oldest=${range%:*} newest=${range#*:}
        if [[ -n $newest ]] && ((major > newest)); then
            rule=AX201
            [[ $kind == gcc ]] || rule=AX203
            axleObject $rule "$kind $major is too new for CUDA $axleCuda, which supports $kind up to $newest: $compiler"
        elif [[ -n $oldest ]] && ((major < oldest)); then
            rule=AX202
            [[ $kind == gcc ]] || rule=AX204
            axleObject $rule "$kind $major is too old for CUDA $axleCuda, which supports $kind $oldest or newer: $compiler"
        fi
    done
    if [[ -n $axleGlibcBelow && $glibcMinor =~ ^[0-9]+$ ]] && ((glibcMajor == 2 && glibcMinor >= ${axleGlibcBelow#2.})); then
        axleTry "$compiler" || axleObject AX215 "the headers of glibc $glibcMajor.$glibcMinor are too new for CUDA $axleCuda, whose headers are compatible with glibc below $axleGlibcBelow only"
    elif [[ -n $axleLibstdcxxMax && $kind == clang && $libstdcxx =~ ^[0-9]+$ ]] && ((libstdcxx > axleLibstdcxxMax)); then
        axleTry "$compiler" || axleObject AX216 "clang $major uses the libstdc++ of gcc $libstdcxx, but CUDA $axleCuda supports those up to gcc $axleLibstdcxxMax"
    fi
}

# Whether nvcc reads the headers all the same: a package set may have mended them.
axleTry() {
    local folder status=0
    folder=$(mktemp -d)
    echo '#include <cmath>' >"$folder/try.cu"
    nvcc -ccbin "${1##* }" -cuda "$folder/try.cu" -o "$folder/try.ii" >/dev/null 2>&1 || status=1
    rm -r "$folder"
    return $status
}

axleCheckNvcc() {
    local release
    if ! command -v nvcc >/dev/null; then
        axleObject AX220 "there is no nvcc on PATH; the toolkit of CUDA $axleCuda belongs in nativeBuildInputs"
        return
    fi
    release=$(nvcc --version 2>/dev/null | sed -n 's/.*release \([0-9.]*\),.*/\1/p')
    if [[ $release != "$axleCuda" ]]; then
        axleObject AX220 "the nvcc on PATH ($(command -v nvcc)) is of CUDA ${release:-unknown}, this build is for $axleCuda"
    fi
}

# MiB that a build may still use: what the system has left, or what its control group has left of its limit.
axleAvailableMemory() {
    local available limit used
    available=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' "${axleRoot:-}/proc/meminfo" 2>/dev/null)
    available=$((${available:-0} / 1024))
    limit=$(cat "${axleRoot:-}/sys/fs/cgroup/memory.max" 2>/dev/null || true)
    used=$(cat "${axleRoot:-}/sys/fs/cgroup/memory.current" 2>/dev/null || true)
    if [[ $limit =~ ^[0-9]+$ && $used =~ ^[0-9]+$ ]]; then
        local left=$(((limit - used) / 1024 / 1024))
        if ((available == 0 || left < available)); then available=$left; fi
    fi
    echo "$available"
}

# As many jobs as there is memory for, in every variable that build systems read.
axleCheckMemory() {
    local available jobs cores=${NIX_BUILD_CORES:-1}
    available=$(axleAvailableMemory)
    # Where neither file can be read, nothing is known.
    ((available > 0 && axleMemoryPerJob > 0)) || return 0
    jobs=$((available / axleMemoryPerJob))
    if ((cores == 0)); then cores=$(nproc); fi
    if ((jobs > cores)); then jobs=$cores; fi
    if ((jobs == 0)); then
        axleObject AX218 "one compile job needs $axleMemoryPerJob MiB, and $available MiB are left; build where there is more"
        jobs=1
    else
        echo "axle: $jobs of $cores jobs fit into $available MiB, at $axleMemoryPerJob MiB each" >&2
    fi
    export NIX_BUILD_CORES=$jobs MAX_JOBS=$jobs CMAKE_BUILD_PARALLEL_LEVEL=$jobs
}

axleBuildCheckPhase() {
    axleRefused=
    axleCheckNvcc
    axleCheckCompiler
    axleCheckMemory
    if [[ -n $axleRefused ]]; then exit 1; fi
}

if declare -F appendToVar >/dev/null; then
    appendToVar prePhases axleBuildCheckPhase
else
    prePhases="${prePhases:-} axleBuildCheckPhase"
fi
