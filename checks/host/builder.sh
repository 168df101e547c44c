# Builds: sets up, then runs the build command.
source "$stdenv/setup"
set -u
if [[ -n ${buildCommandPath-} ]]; then source "$buildCommandPath"; else eval "$buildCommand"; fi
