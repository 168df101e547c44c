/**
  The templates: each evaluates as a flake over the catalogue, and what it gives is built and used, with the small wheels of
  the fixture in the place of the real ones.
*/
{ pkgs }:
let
  inherit (builtins)
    attrNames
    concatMap
    concatStringsSep
    functionArgs
    isAttrs
    readDir
    unsafeDiscardStringContext
    ;
  inherit (pkgs) lib;

  flakes = lib.genAttrs (attrNames (readDir ../../templates)) (
    name: import (../../templates + "/${name}/flake.nix")
  );

  # What a flake's inputs are here. home-manager gives back what it is given.
  inputsOf = nixpkgs: overlay: {
    nixpkgs = nixpkgs // {
      lib = import ../host/lib.nix // {
        nixosSystem = system: system;
      };
    };
    axle = {
      inputs = { inherit nixpkgs; };
      overlays.default = overlay;
      lib = import ../../overlays/lib;
    };
    home-manager.lib.homeManagerConfiguration = home: home;
  };
  outputsOf =
    overlay: name:
    let
      flake = flakes.${name};
      inputs = inputsOf { outPath = ./nixpkgs; } overlay;
      given = builtins.intersectAttrs (flake.inputs // functionArgs flake.outputs) inputs;
    in
    if attrNames (removeAttrs flake.inputs (attrNames given)) != [ ] then
      throw "axle: the test of templates/${name} gives it no ${toString (attrNames flake.inputs)}"
    else
      flake.outputs given;

  derivationsOf =
    value:
    if value.type or null == "derivation" then
      [ value ]
    else if isAttrs value then
      concatMap (name: derivationsOf value.${name}) (attrNames value)
    else
      [ ];
  perSystem = outputs: {
    packages = outputs.packages or { };
    devShells = outputs.devShells or { };
  };

  # The same over the fixture, whose torch is made a module that says so.
  small = final: prev: {
    axle =
      let
        fixture = (import ../../overlays final prev).axle.withCatalogue ../fixtures/catalogue;
      in
      fixture
      // {
        concretise =
          request:
          fixture.concretise (
            request
            // {
              python = "3.11";
              overrides = _: super: {
                torch = super.torch.overrideAttrs (old: {
                  buildCommand = old.buildCommand + ''
                    mkdir torch
                    printf '%s\n' '__version__ = "2.10.0"' 'class cuda:' '    is_available = staticmethod(lambda: False)' > torch/__init__.py
                  '';
                });
              };
            }
          );
      };
  };
  smallPkgs = import ./nixpkgs {
    inherit (pkgs.stdenv.hostPlatform) system;
    overlays = [ small ];
    config.allowUnfree = true;
  };
  built = outputsOf small;
  package = name: (built name).packages.x86_64-linux;

  predictOf =
    outputs: pkgs: (outputs.nixosModules.default { inherit pkgs; }).systemd.services.predict;
  predict = predictOf (built "service") smallPkgs;
  homeOf =
    { modules, extraSpecialArgs, ... }:
    concatMap (module: (import module extraSpecialArgs).home.packages) modules;
in
{
  templates =
    let
      ofCatalogue = outputsOf (import ../../overlays);
      derivations =
        concatMap (name: derivationsOf (perSystem (ofCatalogue name))) (attrNames flakes)
        ++ homeOf (ofCatalogue "home").homeConfigurations.me;
    in
    pkgs.writeText "templates" (
      unsafeDiscardStringContext (
        concatStringsSep "\n" (
          map (drv: drv.drvPath) derivations
          ++ [ (predictOf (ofCatalogue "service") pkgs).serviceConfig.ExecStart ]
        )
      )
    );

  template-default = pkgs.runCommand "axle-template-default" { } ''
    ${(package "default").default}/bin/python -c 'import torch; print(torch.__version__)' > $out
  '';

  # The project's program runs with the environment's torch, from the package and from an environment with it.
  template-project = pkgs.runCommand "axle-template-project" { } ''
    for program in ${(package "project").default}/bin/my-project "${(package "project").python}/bin/python -c 'import my_project; my_project.main()'"; do
      [ "$(eval "$program")" = "torch 2.10.0 on the CPU" ]
    done
    touch $out
  '';

  # In the shell Python reads the files of the working tree, as they are when it starts.
  template-project-editable =
    pkgs.runCommand "axle-template-project-editable"
      {
        inherit ((built "project").devShells.x86_64-linux.default) shellHook;
        nativeBuildInputs = (built "project").devShells.x86_64-linux.default.nativeBuildInputs;
      }
      ''
        cp -r ${../../templates/project}/. .
        chmod -R u+w .
        eval "$shellHook"
        mkdir elsewhere
        cd elsewhere
        [ "$(python -c 'import my_project; my_project.main()')" = "torch 2.10.0 on the CPU" ]
        echo 'def main(): print("changed")' > $PROJECT/src/my_project/__init__.py
        [ "$(python -c 'import my_project; my_project.main()')" = "changed" ]
        touch $out
      '';

  # Jupyter finds the kernel, which starts with nothing in its environment.
  template-notebook =
    pkgs.runCommand "axle-template-notebook"
      {
        inherit ((built "notebook").devShells.x86_64-linux.default) shellHook;
      }
      ''
        eval "$shellHook"
        ${pkgs.python311.interpreter} - "$JUPYTER_PATH" > said << END
        import json, pathlib, subprocess, sys
        kernel = json.loads((pathlib.Path(sys.argv[1]) / "kernels" / "torch" / "kernel.json").read_text())
        command = [part.replace("{connection_file}", "connection.json") for part in kernel["argv"]]
        print(kernel["display_name"], kernel["language"], flush=True)
        subprocess.run(command, env={}, check=True)
        END
        printf '%s\n' 'PyTorch for CUDA python' "kernel ['-f', 'connection.json'] 2.10.0" | cmp - said
        touch $out
      '';

  # The service answers, with nothing in its environment but what its unit sets.
  template-service = pkgs.runCommand "axle-template-service" { } ''
    ${
      concatStringsSep " " (
        [ "env -i" ] ++ map (name: "${name}=${predict.environment.${name}}") (attrNames predict.environment)
      )
    } ${predict.serviceConfig.ExecStart} 2> log &
    ${pkgs.python311.interpreter} - > answer << END
    import time, urllib.error, urllib.request
    for _ in range(100):
        try:
            print(urllib.request.urlopen("http://127.0.0.1:${predict.environment.PORT}").read().decode())
            break
        except urllib.error.URLError:
            time.sleep(0.1)
    END
    kill $!
    echo '{"torch": "2.10.0", "gpu": false}' | cmp - answer
    touch $out
  '';

  # The image has all that Python needs, and searches the folders that a container runtime puts the driver into.
  template-image = pkgs.runCommand "axle-template-image" { } ''
    ${(package "image").default} > image.tar
    ${pkgs.python311.interpreter} - << END
    import json, tarfile
    image = tarfile.open("image.tar")
    (manifest,) = json.load(image.extractfile("manifest.json"))
    config = json.load(image.extractfile(manifest["Config"]))["config"]
    assert manifest["RepoTags"] == ["predict:latest"], manifest
    assert "LD_LIBRARY_PATH=/usr/lib64:/usr/lib/x86_64-linux-gnu" in config["Env"], config
    layer = tarfile.open(fileobj=image.extractfile(manifest["Layers"][0]))
    members = {member.name: member for member in layer.getmembers()}
    assert members["tmp"].mode & 0o1777 == 0o1777
    name = config["Entrypoint"][0].lstrip("/")
    links = 0
    while members[name].issym():
        name, links = members[name].linkname.lstrip("/"), links + 1
    assert links > 0 and members[name].mode & 0o111, name
    missing = [m.name for m in members.values() if m.issym() and m.linkname.startswith("/nix/store/") and m.linkname.lstrip("/") not in members]
    assert not missing, missing[:5]
    assert any(path.endswith("/site-packages/torch/__init__.py") for path in members)
    END
    touch $out
  '';

  # home-manager is given the environment.
  template-home = pkgs.runCommand "axle-template-home" { } ''
    for package in ${toString (homeOf (built "home").homeConfigurations.me)}; do
      $package/bin/python -c 'import torch; print(torch.__version__)'
    done > $out
    [ "$(cat $out)" = 2.10.0 ]
  '';
}
