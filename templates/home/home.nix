# A module of home-manager: an environment on everybody's PATH.
{ env, ... }:
{
  home = {
    username = "me";
    homeDirectory = "/home/me";
    stateVersion = "26.05";
    packages = [ env.python ];
  };
}
