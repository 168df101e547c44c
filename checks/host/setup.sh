# Sets a build up: tools and inputs on PATH, the inputs' setup hooks, then the build command.
set -eu -o pipefail
export PATH=$tools/bin LC_ALL=C
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
  local from=$1 to=$2 entry path
  touch linked
  find "$from" -not -type d -not -path "$from/nix-support/*" -printf '%P\n' | sort >files
  comm -12 linked files >common
  while read -r path; do
    if ! cmp -s "$from/$path" "$to/$path"; then
      echo "error: two given paths hold different files at one place: $from/$path and $(readlink "$to/$path")" >&2
      exit 1
    fi
  done <common
  sort -o linked linked files
  for entry in "$from"/*; do
    if [[ ${entry##*/} != nix-support ]]; then cp -rsf --no-preserve=mode "$entry" "$to/"; fi
  done
}

activate ${nativeBuildInputs-} ${buildInputs-} ${propagatedBuildInputs-}

if [[ -n ${buildCommandPath-} ]]; then source "$buildCommandPath"; else eval "$buildCommand"; fi
