/**
  The fixture's catalogue as one document, as a lock is, with an extension that can be compiled: for torch 2.10.0 it has
  no wheel, for 2.9.1 it has one.
*/
let
  inherit (builtins)
    attrNames
    fromJSON
    listToAttrs
    map
    readDir
    readFile
    ;
  folder = ./fixtures/catalogue;
  jsonOf = file: fromJSON (readFile file);
  named =
    names: value:
    listToAttrs (
      map (name: {
        inherit name;
        value = value name;
      }) names
    );
in
{
  compilers = jsonOf (folder + "/compilers.json");
  cells.x86_64-linux."3.11-12.8" =
    let
      file = jsonOf (folder + "/cells/x86_64-linux/3.11-12.8.json");
    in
    file
    // {
      # What is imported to compile it.
      frozen.typing-extensions = map (one: {
        inherit (one) version;
        inherit (one.wheel) filename sha256;
      }) file.packages.typing-extensions;
      packages = file.packages // {
        extension = [
          {
            version = "1";
            requires = [ "torch" ];
            wheel = null;
            source = {
              filename = "extension-1.tar.gz";
              sha256 = "";
              size = 1;
              capabilities = file.capabilities;
              links = [ "torch" ];
              frozen.typing-extensions = 0;
            };
          }
          {
            version = "0.9";
            requires = [ "torch" ];
            inherit (builtins.head file.packages.tqdm) wheel;
          }
        ];
      };
      extras.extension = [ { progress.requires = [ "tqdm" ]; } ];
      torch = file.torch // {
        "2.9.1" = file.torch."2.9.1" // {
          packages = file.torch."2.9.1".packages // {
            extension = 1;
          };
          extras.extension = 0;
        };
        "2.10.0" = file.torch."2.10.0" // {
          packages = file.torch."2.10.0".packages // {
            extension = 0;
          };
        };
      };
    };
  builds =
    named (attrNames (readDir (folder + "/builds"))) (
      name:
      let
        files = readDir (folder + "/builds/${name}");
      in
      listToAttrs (
        map (file: {
          name = builtins.head (builtins.match "(.*)\\.json" file);
          value = jsonOf (folder + "/builds/${name}/${file}");
        }) (attrNames files)
      )
    )
    // {
      extension."0.9" = jsonOf (folder + "/builds/tqdm/4.67.1.json");
      extension."1".sources."extension-1.tar.gz" = {
        sha256 = "";
        fetch.fetchurl = {
          url = "https://example.invalid/extension-1.tar.gz";
          name = "extension-1.tar.gz";
          hash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        };
        build_system = "setuptools";
        components = [ ];
        environment = { };
        architectures = {
          variable = "TORCH_CUDA_ARCH_LIST";
          spelling = "dotted";
          separator = ";";
        };
      };
    };
}
