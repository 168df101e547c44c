/**
  What a package finds out of its environment, said to it when it is imported, where the user has not: an environment
  runs with an empty PATH too.

  By package, a list of `file` (in site-packages) and `before` (Python that is put before what the file holds).
*/
{ pkgs }:
let
  driver = "${pkgs.addDriverRunpath.driverLink}/lib";
in
{
  # It would ask `/sbin/ldconfig` for the driver, and PATH for a C compiler.
  triton = [
    {
      file = "triton/__init__.py";
      before = ''
        import os as _os

        _os.environ.setdefault("CC", "${pkgs.stdenv.cc}/bin/cc")
        if _os.path.exists("${driver}/libcuda.so.1"):
            _os.environ.setdefault("TRITON_LIBCUDA_PATH", "${driver}")
        del _os

      '';
    }
  ];
}
