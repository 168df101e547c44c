# A home-manager module: an environment on the user's PATH.
{ env, ... }:
{
  home = {
    username = "me";
    homeDirectory = "/home/me";
    stateVersion = "26.05";
    packages = [ env.python ];
  };
}
