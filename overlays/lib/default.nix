/**
  The flake's `lib`: what users need before they have a package set.
*/
{
  /**
    For `config.allowUnfreePredicate`: allows NVIDIA's licences and no other unfree licence.

    # Type

    ```
    allowUnfreePredicate :: Derivation -> Bool
    ```
  */
  allowUnfreePredicate =
    package:
    let
      license = package.meta.license or [ ];
      licenses = if builtins.isList license then license else [ license ];
      isAllowed =
        entry:
        entry.free or false
        ||
          builtins.match "(CUDA|NVIDIA|cuDNN|cuTENSOR|cuSPARSELt|TensorRT).*" (entry.shortName or "") != null;
    in
    licenses != [ ] && builtins.all isAllowed licenses;
}
