# The project as a package of the environment: each argument is the environment's package of that name.
{
  buildPythonPackage,
  setuptools,
  torch,
}:
let
  inherit (builtins.fromTOML (builtins.readFile ./pyproject.toml)) project;
in
buildPythonPackage {
  pname = project.name;
  inherit (project) version;
  pyproject = true;
  src = ./.;
  build-system = [ setuptools ];
  dependencies = [ torch ];
  pythonImportsCheck = [ "my_project" ];
  meta.mainProgram = "my-project";
}
