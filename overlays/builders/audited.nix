/**
  Audits what has been compiled: a derivation of its own, small and quick, which the python-level one waits for. So
  nothing of axle's is among the inputs of the build itself.
*/
{ pkgs, lib }:
let
  inherit (builtins) replaceStrings toJSON;

  judge = ''
    import json, re, sys

    asked = set(json.loads(sys.argv[1]))
    with open("report.json") as report:
        document = json.load(report)
    for error in document["errors"]:
        sys.exit("axle: " + error["message"])
    members = [member for wheel in document["wheels"] for member in wheel["elf"] if member["sass"] or member["ptx"]]
    wrong = []
    for member in members:
        # sm_90a is code for 9.0, and for nothing else.
        found = {re.fullmatch(r"sm_(\d+)[af]?", code)[1] for code in member["sass"]}
        if found != asked or member["ptx"]:
            wrong.append("%s holds %s" % (member["path"], " ".join(member["sass"] + member["ptx"])))
    if sys.argv[3] == "device code" and not members:
        wrong.append("there is no device code at all")
    if wrong:
        sys.exit("axle: %s was compiled for other architectures than %s: %s" % (
            sys.argv[2], " ".join("sm_" + number for number in sorted(asked, key=int)), "; ".join(wrong)))
  '';
in
/**
  The audit of a build; fails unless each member with device code holds exactly the architectures asked for.

  # Inputs

  `build`
  : The build.

  `capabilities`
  : The compute capabilities asked for.

  `architectures`
  : Whether the build has a variable for them: one that has none may be without device code.

  `python`
  : An interpreter.
*/
{
  name,
  build,
  capabilities,
  architectures,
  python,
}:
pkgs.stdenvNoCC.mkDerivation {
  name = "${build.name}-audit";
  strictDeps = true;
  nativeBuildInputs = [ pkgs.axle-cli ];
  passAsFile = [
    "buildCommand"
    "judge"
  ];
  inherit judge;
  buildCommand = ''
    # Findings are the judge's to weigh; an audit that could not be made leaves no report.
    # Nix gives a builder a terminal: messages go to a file, for else a progress bar would fill the log.
    axle audit --no-catalogue --format json ${build}/wheel > report.json 2> messages || [ $? = 1 ] || {
      cat messages >&2
      exit 1
    }
    ${python.interpreter} -I "$judgePath" ${
      lib.escapeShellArg (toJSON (map (replaceStrings [ "." ] [ "" ]) capabilities))
    } ${lib.escapeShellArg name} ${if architectures then "'device code'" else "any"}
    cp report.json $out
  '';
}
