use std::collections::BTreeMap;
use std::{fmt, io};

use axle_toolkit::{SupportedCompilers, Toolkits};
use axle_types::{CudaTarget, PythonVersion, System};
use serde::Serialize;
use serde::de::{DeserializeOwned, Deserializer as _, IgnoredAny, MapAccess, Visitor};

use crate::{
    ArtefactFile, BuildEnvironments, BuildFile, CellFile, ComponentsFile, Files, Folder, ImportsFile,
    LibrariesFile, Matrix, Package, Valid,
};

/// Everything axle knows, read lazily from its [`Files`].
pub struct Catalogue {
    files: Box<dyn Files>,
}

/// What can go wrong with a catalogue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// A file cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A file that every catalogue has is not there.
    #[error("{path} is missing; give the directory of an axle catalogue")]
    Missing {
        /// The file.
        path: String,
    },
    /// A file does not say what its schema asks for.
    #[error("{path} is not a valid catalogue file: {message}")]
    Invalid {
        /// The file.
        path: String,
        /// What is wrong and where.
        message: String,
    },
}

impl Catalogue {
    /// The catalogue in some files.
    pub fn new(files: impl Files + 'static) -> Self {
        Self { files: Box::new(files) }
    }

    /// `matrix.toml`.
    ///
    /// # Errors
    /// When the file is missing or not valid.
    pub fn matrix(&self) -> Result<Matrix, CatalogueError> {
        let path = "matrix.toml";
        self.toml(path)?.ok_or_else(|| CatalogueError::Missing { path: self.files.describe(path) })
    }

    /// The compilers that each CUDA release supports; empty if the file does not exist.
    ///
    /// # Errors
    /// When the file is not valid.
    pub fn compilers(&self) -> Result<SupportedCompilers, CatalogueError> {
        Ok(self.json("compilers.json", axle_toolkit::COMPILERS_SCHEMA)?.unwrap_or_default())
    }

    /// The CUDA releases; `None` if the file does not exist.
    ///
    /// # Errors
    /// When the file is not valid.
    pub fn toolkits(&self) -> Result<Option<Toolkits>, CatalogueError> {
        self.json("toolkits.json", axle_toolkit::SCHEMA)
    }

    /// The wheels that toolkits are assembled from; empty if the file does not exist.
    ///
    /// # Errors
    /// When the file is not valid.
    pub fn components(&self) -> Result<ComponentsFile, CatalogueError> {
        Ok(self.json(COMPONENTS_PATH, crate::components::SCHEMA)?.unwrap_or_default())
    }

    /// The packages that provide each library; empty if the file does not exist.
    ///
    /// # Errors
    /// When the file is not valid.
    pub fn libraries(&self) -> Result<LibrariesFile, CatalogueError> {
        Ok(self.json(LIBRARIES_PATH, crate::libraries::SCHEMA)?.unwrap_or_default())
    }

    /// What was imported beside which torch; empty if the file does not exist.
    ///
    /// # Errors
    /// When the file is not valid.
    pub fn imports(&self) -> Result<ImportsFile, CatalogueError> {
        Ok(self.json(IMPORTS_PATH, crate::imports::SCHEMA)?.unwrap_or_default())
    }

    /// Every package, by name.
    ///
    /// # Errors
    /// When one of the files is not valid.
    pub fn packages(&self) -> Result<BTreeMap<String, Package>, CatalogueError> {
        let mut packages = BTreeMap::new();
        for name in self.package_names()? {
            if let Some(package) = self.package(&name)? {
                packages.insert(name, package);
            }
        }
        Ok(packages)
    }

    /// One package; `None` if no package has that name.
    ///
    /// # Errors
    /// When the file is not valid.
    pub fn package(&self, name: &str) -> Result<Option<Package>, CatalogueError> {
        self.toml(&format!("packages/{name}.toml"))
    }

    /// The names of all packages, sorted.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn package_names(&self) -> Result<Vec<String>, CatalogueError> {
        let files = self.files.list("packages")?.into_iter();
        Ok(files.filter_map(|file| file.strip_suffix(".toml").map(str::to_owned)).collect())
    }

    /// How the files of a package version are fetched and built; `None` where no cell and no toolkit
    /// has one.
    ///
    /// # Errors
    /// When the file is not valid.
    pub fn builds(&self, name: &str, version: &str) -> Result<Option<BuildFile>, CatalogueError> {
        self.json(&build_path(name, version), crate::wheel_build::SCHEMA)
    }

    /// What sources are compiled with, by the package of the source.
    ///
    /// # Errors
    /// When the folder cannot be read, or one of its files is not valid.
    pub fn build_environments(&self) -> Result<BTreeMap<String, BuildEnvironments>, CatalogueError> {
        let files = self.files.list(BUILD_ENVIRONMENTS)?;
        let mut environments = BTreeMap::new();
        for name in files.iter().filter_map(|file| file.strip_suffix(".json")) {
            let path = build_environments_path(name);
            if let Some(file) = self.json(&path, crate::build_environment::SCHEMA)? {
                environments.insert(name.to_owned(), file);
            }
        }
        Ok(environments)
    }

    /// The artefacts of a package; `None` when it was never indexed.
    ///
    /// # Errors
    /// When the file is not valid.
    pub fn artefacts(&self, name: &str) -> Result<Option<ArtefactFile>, CatalogueError> {
        self.json(&format!("artefacts/{name}.json"), crate::artefact::SCHEMA)
    }

    /// The cells of a system, Python and CUDA; `None` when there are none.
    ///
    /// # Errors
    /// When the file is not valid.
    pub fn cells(
        &self,
        system: System,
        python: PythonVersion,
        cuda: CudaTarget,
    ) -> Result<Option<CellFile>, CatalogueError> {
        self.json(&cell_path(system, python, cuda), crate::cell::SCHEMA)
    }

    fn toml<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, CatalogueError> {
        let Some(bytes) = self.files.read(path)? else { return Ok(None) };
        toml::from_slice(&bytes).map(Some).map_err(|error: toml::de::Error| {
            // Shown whole, it would draw the line over several lines.
            let before = error.span().and_then(|span| bytes.get(..span.start)).unwrap_or_default();
            let line = before.split(|&byte| byte == b'\n').count();
            self.invalid(path, &format!("line {line}: {}", error.message()))
        })
    }

    fn json<T: DeserializeOwned + Valid>(
        &self,
        path: &str,
        schema: &str,
    ) -> Result<Option<T>, CatalogueError> {
        let Some(bytes) = self.files.read(path)? else { return Ok(None) };
        let found = schema_of(&bytes).map_err(|error| self.invalid(path, &error))?;
        if found != schema {
            return Err(
                self.invalid(path, &format!(
                    "its schema is `{found}`, but this axle reads `{schema}`; use the axle that wrote it, or generate it again"
                ))
            );
        }
        let value: T = serde_json::from_slice(&bytes).map_err(|error| self.invalid(path, &error))?;
        value.check().map_err(|error| self.invalid(path, &error))?;
        Ok(Some(value))
    }

    fn invalid(&self, path: &str, message: &dyn fmt::Display) -> CatalogueError {
        CatalogueError::Invalid {
            path: self.files.describe(path),
            message: message.to_string().trim().to_owned(),
        }
    }
}

/// The schema that a file names. It comes first, and what follows is not looked at.
fn schema_of(json: &[u8]) -> Result<String, serde_json::Error> {
    struct Schema<'a>(&'a mut Option<String>);
    impl<'de> Visitor<'de> for Schema<'_> {
        type Value = ();

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object with a `schema`")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(name) = map.next_key::<String>()? {
                if name == "schema" {
                    *self.0 = Some(map.next_value()?);
                    return Ok(());
                }
                map.next_value::<IgnoredAny>()?;
            }
            Ok(())
        }
    }

    let mut schema = None;
    let read = serde_json::Deserializer::from_slice(json).deserialize_map(Schema(&mut schema));
    match schema {
        // That the object goes on is no error.
        Some(schema) => Ok(schema),
        None => Err(read.err().unwrap_or_else(|| serde::de::Error::missing_field("schema"))),
    }
}

/// Path of the file that says which wheels toolkits are assembled from.
pub const COMPONENTS_PATH: &str = "components.json";

/// Path of the file that lists the packages that provide each library.
pub const LIBRARIES_PATH: &str = "libraries.json";

/// Path of the file that says what was imported beside which torch.
pub const IMPORTS_PATH: &str = "imports.json";

/// The folder of what sources are compiled with.
pub const BUILD_ENVIRONMENTS: &str = "build-environments";

/// Path of the file that holds what the sources of a package are compiled with.
pub fn build_environments_path(name: &str) -> String {
    format!("{BUILD_ENVIRONMENTS}/{name}.json")
}

/// Path of the file that holds the cells of a system, Python and CUDA.
pub fn cell_path(system: System, python: PythonVersion, cuda: CudaTarget) -> String {
    format!("cells/{system}/{python}-{cuda}.json")
}

/// Path of the file that holds the builds of a package version.
pub fn build_path(name: &str, version: &str) -> String {
    format!("builds/{name}/{version}.json")
}

/// Path of the file that holds the artefacts of a package.
pub fn artefact_path(name: &str) -> String {
    format!("artefacts/{name}.json")
}

/// Writes a generated file: stable, diffable, whole or not at all. Returns whether its content changed.
///
/// # Errors
/// When the file cannot be written; the old one is then still there.
pub fn write_json<T: Serialize>(folder: &Folder, path: &str, value: &T) -> Result<bool, CatalogueError> {
    let compact = serde_json::to_string(value)
        .map_err(|error| CatalogueError::Invalid { path: path.to_owned(), message: error.to_string() })?;
    Ok(folder.write(path, crate::json::layout(&compact).as_bytes())?)
}
