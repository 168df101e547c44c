/**
  The hook of build-check.nix, sourced as a builder sources it, with compilers and memory of its own making.
*/
{ pkgs, axle }:
let
  hook = axle.buildCheckHook {
    cuda = "12.8";
    memoryPerJob = 2048;
  };
  lenient = axle.buildCheckHook {
    cuda = "12.8";
    memoryPerJob = 2048;
    allow = [ "AX201" ];
  };
in
pkgs.runCommand "axle-build-check" { } ''
  nvcc() {
    if [ "$1" = --version ]; then
      echo "Cuda compilation tools, release $nvccRelease, V$nvccRelease.93"
    else
      [ -n "$nvccCompiles" ]
    fi
  }
  # clang's major, gcc's, libstdc++'s, glibc's two numbers; a macro that is not defined stays.
  compiler() { cat > /dev/null; echo "namespace std { }"; echo "axle: $compilerMacros"; }
  export -f nvcc compiler
  export CXX=compiler NIX_BUILD_CORES=8 axleRoot=$PWD

  # MiB that the system has left, and that the control group has left of 1024.
  memory() {
    mkdir -p proc sys/fs/cgroup
    echo "MemAvailable: $(($1 * 1024)) kB" > proc/meminfo
    echo "''${2:-max}" > sys/fs/cgroup/memory.max
    echo 0 > sys/fs/cgroup/memory.current
  }
  check() { (source $1/nix-support/setup-hook; axleBuildCheckPhase; echo "$MAX_JOBS") 2> message; }
  refused() {
    if check ${hook}; then
      echo "nothing refused what $1 refuses" >&2
      exit 1
    fi
    cat message
    grep -q "axle: $1: " message
  }

  nvccRelease=12.8 nvccCompiles= compilerMacros="__clang_major__ 14 14 2 40"
  memory 65536
  [ "$(check ${hook})" = 8 ]
  memory 7000
  [ "$(check ${hook})" = 3 ]
  memory 65536 $((5000 * 1024 * 1024))
  [ "$(check ${hook})" = 2 ]
  memory 1000
  refused AX218
  memory 65536

  nvccRelease=12.4 refused AX220
  compilerMacros="__clang_major__ 15 15 2 40" refused AX201
  compilerMacros="__clang_major__ 5 5 2 40" refused AX202
  compilerMacros="20 4 14 2 40" refused AX203
  compilerMacros="6 4 14 2 40" refused AX204
  compilerMacros="__clang_major__ 14 14 2 41" refused AX215
  compilerMacros="19 4 15 2 40" refused AX216
  # Headers that were mended, and a libc and a C++ library that are others.
  [ "$(nvccCompiles=1 compilerMacros="__clang_major__ 14 14 2 42" check ${hook})" = 8 ]
  [ "$(compilerMacros="19 4 _GLIBCXX_RELEASE __GLIBC__ __GLIBC_MINOR__" check ${hook})" = 8 ]
  CXX=false refused AX220
  compilerMacros="__clang_major__ 15 15 2 40"
  [ "$(check ${lenient})" = 8 ]
  grep -q "axle: warning: AX201: gcc 15 is too new for CUDA 12.8, which supports gcc up to 14" message
  touch $out
''
