/**
  Images of containers, as nixpkgs' `dockerTools` makes them: a script that writes one. This one has a single layer.
*/
pkgs: {
  streamLayeredImage =
    {
      name,
      tag,
      contents,
      extraCommands,
      config,
    }:
    let
      # An archive keeps the modes that the commands give, which the store does not.
      root = pkgs.runCommand "${name}-root.tar" { } ''
        mkdir root
        for content in ${toString contents}; do linkTree "$content" root; done
        chmod u+w root
        cd root
        ${extraCommands}
        ${pkgs.python311.interpreter} -m tarfile -c $out *
      '';
    in
    pkgs.runCommand "stream-${name}"
      {
        image = builtins.toJSON {
          name = "${name}:${tag}";
          inherit config;
          root = "${root}";
        };
        exportReferencesGraph = [
          "graph"
          root
        ];
      }
      ''
        echo '#!${pkgs.python311.interpreter} ${./stream.py}' > $out
        echo "$image" >> $out
        # Of each path its name, its deriver, and what it refers to, by number.
        grep '^/' graph | grep -v '\.drv$' | sort -u >> $out
        chmod +x $out
      '';
}
