# The same project for a shell: Python reads the files of the working tree. $PROJECT is its root when Python starts.
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
