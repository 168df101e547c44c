# A NixOS module: the service, and the overlay that makes its environment.
{ axle }:
{ pkgs, ... }:
let
  env = pkgs.axle.concretise {
    packages = hl: [ hl.torch ];
    python = "3.13";
    cuda = "12.8";
    computeCapabilities = [ "8.6" ]; # the GPU of the machine
  };
in
{
  nixpkgs.overlays = [ axle.overlays.default ];

  systemd.services.predict = {
    description = "Predictions by PyTorch";
    wantedBy = [ "multi-user.target" ];
    environment = {
      PORT = "8000";
      # torch and Triton keep what they compile below it.
      HOME = "%C/predict";
    };
    serviceConfig = {
      ExecStart = "${env.python}/bin/python ${./serve.py}";
      CacheDirectory = "predict";
      DynamicUser = true;
      Restart = "on-failure";

      # No devices except the driver's.
      DevicePolicy = "closed";
      DeviceAllow = [
        "char-nvidia-caps rw"
        "char-nvidia-frontend rw"
        "char-nvidia-uvm rw"
        "char-nvidiactl rw"
      ];
      NoNewPrivileges = true;
      PrivateTmp = true;
      ProtectHome = true;
      ProtectSystem = "strict";
    };
  };
}
