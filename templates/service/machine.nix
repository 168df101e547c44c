# What the service needs of the machine: NVIDIA's driver. The rest (disks, users, …) is up to you.
{
  hardware.graphics.enable = true;
  hardware.nvidia.open = true; # false for GPUs before Turing
  services.xserver.videoDrivers = [ "nvidia" ];

  # CUDA and the driver are unfree.
  nixpkgs.config.allowUnfree = true;

  system.stateVersion = "26.05";
}
