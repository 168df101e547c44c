# An image of Python and what it imports. The driver is no part of it: the container runtime brings that of the host.
{ dockerTools, python }:
dockerTools.streamLayeredImage {
  name = "predict";
  tag = "latest";
  contents = [ python ];
  extraCommands = "mkdir -m 1777 tmp";
  config = {
    Entrypoint = [ "/bin/python" ];
    Env = [
      # What torch and Triton compile is kept below it.
      "HOME=/tmp"
      # What NVIDIA's container runtime is to bring, and where it puts that: the first for images like this, the second as on
      # a host with Debian or Ubuntu, /run/opengl-driver/lib on NixOS, which is searched anyway.
      "NVIDIA_VISIBLE_DEVICES=all"
      "NVIDIA_DRIVER_CAPABILITIES=compute,utility"
      "LD_LIBRARY_PATH=/usr/lib64:/usr/lib/x86_64-linux-gnu"
    ];
  };
}
