/**
  Defaults for the compilers and programs that packages look for at run time, unless the user sets them: an environment
  also has to work with an empty PATH, as in a service, an image, or `nix run`.

  For each package, a list of changes to one file each (in site-packages; a wheel without the file is left as it is):

  - `before`: Python code that is inserted before the file's own.
  - `replace`: a list of `old` and `new` texts; a text that the file lacks fails the build, unless it is `optional`.

  The user's settings take precedence: `$CC`, `$CXX`, `$CUDA_HOME`, and every program on `$PATH` except compilers. For
  these the package set's own is used, because its output is loaded together with the package set's C and C++ libraries.

  So a package that compiles at run time refers to a compiler, and no other package does.

  # Inputs

  `toolkit`
  : The CUDA toolkit of the world, if there is one by default (`cuda.atRunTime`), else null.
*/
{ pkgs }:
{ toolkit }:
let
  inherit (builtins) toJSON;
  inherit (pkgs) lib;

  driver = "${pkgs.addDriverRunpath.driverLink}/lib";

  inherit (pkgs.stdenv) cc;
  isClang = cc.isClang or false;
  compilers = {
    c = "${cc}/bin/${if isClang then "clang" else "gcc"}";
    cxx = "${cc}/bin/${if isClang then "clang++" else "g++"}";
  };

  # Python code that sets variables of the process that the user has not set.
  defaults =
    {
      # Variable to program: a value that names an existing program is kept.
      programs ? { },
      # Directories of programs, searched after all others.
      path ? [ ],
      withToolkit ? false,
    }:
    ''
      def _axle_defaults():
          import os
          import shutil

          given = os.environ
          for variable, program in ${toJSON programs}.items():
              named = given.get(variable, "").split()
              if not named or shutil.which(named[0]) is None:
                  given[variable] = program
          toolkit = ${toJSON (if withToolkit && toolkit != null then "${toolkit}" else "")}
          # As torch looks for one itself.
          homes = [given.get(variable) for variable in ("CUDA_HOME", "CUDA_PATH")]
          if toolkit and not any(home and os.path.isdir(home) for home in homes) and shutil.which("nvcc") is None:
              given["CUDA_HOME"] = toolkit
          searched = [folder for folder in given.get("PATH", os.defpath).split(os.pathsep) if folder]
          more = [folder for folder in ${toJSON path} if folder not in searched]
          if more:
              given["PATH"] = os.pathsep.join(searched + more)


      _axle_defaults()
      del _axle_defaults
    '';

  opensRunTime = [
    {
      file = "transformer_engine/common/__init__.py";
      replace = [
        {
          old = "_load_cuda_library_from_python(\"cudart\", strict=True)";
          new = "_load_cuda_library_from_python(\"cudart\" if glob.glob(os.path.join(sysconfig.get_path(\"purelib\"), \"nvidia\", \"cu[0-9]*\", \"lib\", \"libcudart.so*\")) else \"runtime\", strict=True)";
          # Not in every release.
          optional = true;
        }
      ];
    }
  ];
in
{
  # torch.compile and AOTInductor call $CXX, else `g++`; and `ld`, `objcopy` and `openssl`. torch.utils.cpp_extension
  # calls $CXX, else `c++`; `ninja`, and nvcc of $CUDA_HOME. FlashInfer and DeepSpeed compile through it too. CC is not set:
  # torch would have nvcc call it, and the toolkit's nvcc already calls a compiler that it supports.
  torch = [
    {
      file = "torch/__init__.py";
      before = defaults {
        programs.CXX = compilers.cxx;
        path = map (package: "${package}/bin") [
          pkgs.ninja
          (lib.getBin pkgs.openssl)
          cc
        ];
        withToolkit = true;
      };
    }
  ];

  # triton compiles its launcher with $CC, else `gcc` or `clang`, and would ask `/sbin/ldconfig` for the driver that it
  # links. (The ptxas of its wheel assembles PTX.)
  triton =
    let
      named = variable: program: {
        old = "os.environ.get(\"${variable}\")";
        new = "os.environ.get(\"${variable}\", ${toJSON program})";
      };
      compiled = file: {
        inherit file;
        replace = [
          (named "CC" compilers.c)
          # Since 3.8.
          (named "CXX" compilers.cxx // { optional = true; })
          # Whether the driver is loaded already depends on how torch has looked for a GPU.
          {
            old = "\"-shared\", \"-fPIC\",";
            new = "\"-shared\", \"-fPIC\", \"-Wl,-rpath,${driver}\",";
          }
        ];
      };
    in
    [
      {
        file = "triton/__init__.py";
        before = ''
          def _axle_defaults():
              import os

              if os.path.exists("${driver}/libcuda.so.1"):
                  os.environ.setdefault("TRITON_LIBCUDA_PATH", "${driver}")


          _axle_defaults()
          del _axle_defaults
        '';
      }
      (compiled "triton/runtime/build.py")
      # Until 2.3.
      (compiled "triton/common/build.py")
    ];

  # With no toolkit named it opens the libraries of CUDA's wheels by folder, and looks for CUDA 12's run time in one that no
  # wheel has. The file is in each of its wheels, and must be the same in all.
  transformer-engine = opensRunTime;
  transformer-engine-cu12 = opensRunTime;
  transformer-engine-cu13 = opensRunTime;

  # numba compiles its kernels to PTX with libNVVM and libdevice of a toolkit.
  numba = [
    {
      file = "numba/__init__.py";
      before = defaults { withToolkit = true; };
    }
  ];
}
