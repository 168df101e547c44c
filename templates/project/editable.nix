# The same project for a shell: Python reads the files of the working tree, whose root is $PROJECT when it starts.
{ mkPythonEditablePackage, torch }:
let
  inherit (builtins.fromTOML (builtins.readFile ./pyproject.toml)) project;
in
mkPythonEditablePackage {
  pname = project.name;
  inherit (project) version scripts;
  root = "$PROJECT/src";
  dependencies = [ torch ];
}
