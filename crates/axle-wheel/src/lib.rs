//! Names, tags and versions of wheels, their metadata, and bounded access to the zip.
