# Sets a build up: tools and inputs on PATH, the inputs' setup hooks, then the build command.
set -eu -o pipefail
export PATH=$tools/bin
umask 022

# Sources the hook of each input once, and those of the inputs that it propagates.
declare -A activated
activate() {
  local input propagated
  for input in "$@"; do
    if [[ -n ${activated[$input]-} ]]; then continue; fi
    activated[$input]=yes
    if [[ -d $input/bin ]]; then PATH=$PATH:$input/bin; fi
    if [[ -f $input/nix-support/setup-hook ]]; then source "$input/nix-support/setup-hook"; fi
    if [[ -f $input/nix-support/propagated-build-inputs ]]; then
      read -r -d '' propagated <"$input/nix-support/propagated-build-inputs" || true
      activate $propagated
    fi
  done
}

# Links every file of a tree into another one; two different files at one place are an error.
linkTree() {
  local from=$1 to=$2 path target
  while IFS= read -r -d '' path; do
    target=$to/${path#"$from"/}
    case ${path#"$from"/} in nix-support/*) continue ;; esac
    if [[ -e $target ]] && ! cmp -s "$path" "$target"; then
      echo "error: two given paths hold different files at one place: \`$path' and \`$(readlink "$target")'" >&2
      exit 1
    fi
    mkdir -p "${target%/*}"
    ln -sfn "$path" "$target"
  done < <(find "$from"/ -mindepth 1 \( -type f -o -type l \) -printf '%p\0' | sed -z 's|//|/|')
}

activate ${nativeBuildInputs-} ${buildInputs-} ${propagatedBuildInputs-}

if [[ -n ${buildCommandPath-} ]]; then source "$buildCommandPath"; else eval "$buildCommand"; fi
