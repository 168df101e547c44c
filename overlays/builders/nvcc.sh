# shellcheck shell=bash
#
# Stands in the place of nvcc when a package is compiled: exactly the architectures that were asked for are compiled,
# whatever list the package has of its own. Of what the package names, the variants of an architecture asked for
# (sm_90a for 9.0) are kept; architectures that it does not name are added; PTX is left out.
#
# The values before this text:
#   axleNvcc            the nvcc of the toolkit
#   axleArchitectures   the architectures, as 86 90
#   axleHostCompiler    the host compiler
#   axleFlags           more arguments

arguments=() chosen=() isCompiling=1 hasCompiler=${NVCC_CCBIN-}

# Keeps the code of one -gencode that was asked for.
consider() {
    local code number
    for code in $(tr ',=[]"' '     ' <<<"$1"); do
        [[ $code == sm_* ]] || continue
        number=${code#sm_}
        number=${number%[af]}
        case " $axleArchitectures " in
            *" $number "*) chosen+=("${code#sm_}") ;;
        esac
    done
}

original=("$@")
while (($#)); do
    case $1 in
        -gencode | --generate-code | -arch | --gpu-architecture | -code | --gpu-code)
            consider "$2"
            shift
            ;;
        -gencode=* | --generate-code=* | -arch=* | --gpu-architecture=* | -code=* | --gpu-code=*) consider "${1#*=}" ;;
        # These take one architecture, and say nothing that is kept.
        -E | --preprocess | -M | -MM | --generate-dependencies | --generate-nonsystem-dependencies)
            isCompiling=
            ;;
        -ccbin | --compiler-bindir | -ccbin=* | --compiler-bindir=*)
            hasCompiler=yes
            arguments+=("$1")
            ;;
        *) arguments+=("$1") ;;
    esac
    shift
done
if [[ -z $hasCompiler ]]; then set -- -ccbin "$axleHostCompiler"; fi
if [[ -z $isCompiling ]]; then exec "$axleNvcc" "$@" "${original[@]}"; fi

for number in $axleArchitectures; do
    isNamed=
    for one in "${chosen[@]}"; do
        if [[ ${one%[af]} == "$number" ]]; then isNamed=yes; fi
    done
    if [[ -z $isNamed ]]; then chosen+=("$number"); fi
done
seen=
for one in "${chosen[@]}"; do
    case $seen in *" $one "*) continue ;; esac
    seen+=" $one "
    set -- "$@" -gencode "arch=compute_$one,code=sm_$one"
done
# shellcheck disable=SC2086
exec "$axleNvcc" "$@" $axleFlags "${arguments[@]}"
