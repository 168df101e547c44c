# An image of Python and what it imports. It does not contain the driver: the container runtime mounts the host's.
{ dockerTools, python }:
dockerTools.streamLayeredImage {
  name = "predict";
  tag = "latest";
  contents = [ python ];
  extraCommands = "mkdir -m 1777 tmp";
  config = {
    Entrypoint = [ "/bin/python" ];
    Env = [
      # torch and Triton keep what they compile below it.
      "HOME=/tmp"
      # The parts of the driver that NVIDIA's container runtime mounts, and where: in the first directory for images like
      # this one, in the second as on a Debian or Ubuntu host. NixOS uses /run/opengl-driver/lib, searched in any case.
      "NVIDIA_VISIBLE_DEVICES=all"
      "NVIDIA_DRIVER_CAPABILITIES=compute,utility"
      "LD_LIBRARY_PATH=/usr/lib64:/usr/lib/x86_64-linux-gnu"
    ];
  };
}
