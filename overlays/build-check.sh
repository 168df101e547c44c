# shellcheck shell=bash
#
# Looks, in the first second of a build that takes hours, at what only the builder knows: its memory, and the nvcc and
# the compiler that are really on PATH. Plain shell: a build with this hook depends on nothing else of axle's.
#
# build-check.nix puts the values before this text:
#   axleCuda           the release that nvcc must be of: 12.8
#   axleCompilers      what it takes, as KIND:OLDEST:NEWEST, either bound may be empty: gcc::14 clang::19
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

# The compiler that nvcc will call, and its kind and major version as it says of itself.
axleCheckCompiler() {
    local compiler=${NVCC_CCBIN:-${CUDAHOSTCXX:-${CXX:-c++}}} macros kind major range oldest newest
    if ! macros=$(printf '__clang_major__ __GNUC__\n' | $compiler -E -P -x c++ - 2>/dev/null); then
        axleObject AX220 "there is no C++ compiler: $compiler does not run; put one on PATH, or name it by NVCC_CCBIN"
        return
    fi
    read -r kind major <<<"$macros"
    if [[ $kind == __clang_major__ ]]; then kind=gcc; else major=$kind kind=clang; fi
    for range in $axleCompilers; do
        [[ ${range%%:*} == "$kind" ]] || continue
        range=${range#*:} oldest=${range%:*} newest=${range#*:}
        if [[ -n $newest ]] && ((major > newest)); then
            local rule=AX201
            [[ $kind == gcc ]] || rule=AX203
            axleObject $rule "$kind $major is too new for CUDA $axleCuda, which takes $kind up to $newest: $compiler"
        elif [[ -n $oldest ]] && ((major < oldest)); then
            local rule=AX202
            [[ $kind == gcc ]] || rule=AX204
            axleObject $rule "$kind $major is too old for CUDA $axleCuda, which takes $kind from $oldest on: $compiler"
        fi
    done
}

axleCheckNvcc() {
    local release
    if ! command -v nvcc >/dev/null; then
        axleObject AX220 "there is no nvcc on PATH; the toolkit of CUDA $axleCuda belongs into nativeBuildInputs"
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
    if ((jobs == 0)); then
        axleObject AX218 "one compile job needs $axleMemoryPerJob MiB, and $available MiB are left; build where there is more"
        jobs=1
    fi
    if ((cores == 0)); then cores=$(nproc); fi
    if ((jobs > cores)); then jobs=$cores; fi
    echo "axle: $jobs of $cores jobs fit into $available MiB, at $axleMemoryPerJob MiB each" >&2
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
