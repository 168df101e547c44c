# A Jupyter kernel, for a directory in JUPYTER_PATH.
{
  runCommand,
  # An interpreter with ipykernel.
  python,
  name,
  title,
}:
runCommand "jupyter-kernel-${name}"
  {
    kernel = builtins.toJSON {
      argv = [
        "${python}/bin/python"
        "-m"
        "ipykernel_launcher"
        "-f"
        "{connection_file}"
      ];
      display_name = title;
      language = "python";
    };
    passAsFile = [ "kernel" ];
  }
  ''
    mkdir -p $out/kernels/${name}
    cp $kernelPath $out/kernels/${name}/kernel.json
  ''
