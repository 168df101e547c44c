# What the service asks of the machine: NVIDIA's driver. The rest of it (disks, users, …) is yours.
{
  hardware.graphics.enable = true;
  hardware.nvidia.open = true; # false for GPUs before Turing
  services.xserver.videoDrivers = [ "nvidia" ];

  # CUDA and the driver are unfree.
  nixpkgs.config.allowUnfree = true;

  system.stateVersion = "26.05";
}
